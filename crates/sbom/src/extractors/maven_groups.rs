//! The group of a Maven artifact whose archive does not state it.

/// Artifacts that are published without Maven's files, by what their archives must hold besides their name: a package, a module or a bundle whose name
/// begins so. The first that fits counts.
const KNOWN: &[(&str, &str, &str)] = &[
    ("spring-boot", "org.springframework.boot", "org.springframework.boot"),
    ("spring-boot-*", "org.springframework.boot", "org.springframework.boot"),
    ("spring-boot-*", "spring.boot", "org.springframework.boot"),
    ("spring-security-*", "org.springframework.security", "org.springframework.security"),
    ("spring-security-*", "spring.security", "org.springframework.security"),
    ("spring-integration-*", "org.springframework.integration", "org.springframework.integration"),
    ("spring-batch-*", "org.springframework.batch", "org.springframework.batch"),
    ("spring-kafka*", "org.springframework.kafka", "org.springframework.kafka"),
    ("spring-amqp", "org.springframework.amqp", "org.springframework.amqp"),
    ("spring-rabbit*", "org.springframework.amqp", "org.springframework.amqp"),
    ("spring-session-*", "org.springframework.session", "org.springframework.session"),
    ("spring-aop", "org.springframework.aop", "org.springframework"),
    ("spring-aspects", "org.springframework", "org.springframework"),
    ("spring-beans", "org.springframework.beans", "org.springframework"),
    ("spring-context", "org.springframework.context", "org.springframework"),
    ("spring-context-support", "org.springframework", "org.springframework"),
    ("spring-core", "org.springframework.core", "org.springframework"),
    ("spring-expression", "org.springframework.expression", "org.springframework"),
    ("spring-instrument", "org.springframework.instrument", "org.springframework"),
    ("spring-jcl", "org.apache.commons", "org.springframework"),
    ("spring-jdbc", "org.springframework.jdbc", "org.springframework"),
    ("spring-jms", "org.springframework.jms", "org.springframework"),
    ("spring-messaging", "org.springframework.messaging", "org.springframework"),
    ("spring-orm", "org.springframework.orm", "org.springframework"),
    ("spring-oxm", "org.springframework.oxm", "org.springframework"),
    ("spring-r2dbc", "org.springframework.r2dbc", "org.springframework"),
    ("spring-test", "org.springframework.test", "org.springframework"),
    ("spring-tx", "org.springframework.transaction", "org.springframework"),
    ("spring-web", "org.springframework.web", "org.springframework"),
    ("spring-webflux", "org.springframework.web", "org.springframework"),
    ("spring-webmvc", "org.springframework.web", "org.springframework"),
    ("spring-websocket", "org.springframework.web", "org.springframework"),
    ("tomcat-embed-*", "org.apache.tomcat-embed", "org.apache.tomcat.embed"),
    ("tomcat-annotations-api", "org.apache.tomcat-annotations-api", "org.apache.tomcat"),
    ("micrometer-*", "io.micrometer", "io.micrometer"),
    ("micrometer-*", "micrometer", "io.micrometer"),
    ("reactor-core", "reactor.core", "io.projectreactor"),
    ("reactor-netty-*", "reactor.netty", "io.projectreactor.netty"),
    ("kotlin-*", "kotlin", "org.jetbrains.kotlin"),
    ("kotlinx-*", "kotlinx", "org.jetbrains.kotlinx"),
    ("okhttp", "okhttp3", "com.squareup.okhttp3"),
    ("okio*", "okio", "com.squareup.okio"),
    ("retrofit", "retrofit2", "com.squareup.retrofit2"),
    ("grpc-*", "io.grpc", "io.grpc"),
    ("kafka-clients", "org.apache.kafka", "org.apache.kafka"),
    ("lucene-*", "org.apache.lucene", "org.apache.lucene"),
    ("elasticsearch", "org.elasticsearch", "org.elasticsearch"),
    ("postgresql", "org.postgresql", "org.postgresql"),
    ("mysql-connector-java", "com.mysql", "mysql"),
    ("mysql-connector-j", "com.mysql", "com.mysql"),
    ("derby", "org.apache.derby", "org.apache.derby"),
    ("derbyclient", "org.apache.derby", "org.apache.derby"),
    ("derbynet", "org.apache.derby", "org.apache.derby"),
    ("derbyshared", "org.apache.derby", "org.apache.derby"),
    ("derbytools", "org.apache.derby", "org.apache.derby"),
    ("bcprov-*", "org.bouncycastle", "org.bouncycastle"),
    ("bcpkix-*", "org.bouncycastle", "org.bouncycastle"),
    ("bcutil-*", "org.bouncycastle", "org.bouncycastle"),
    ("ant", "org.apache.tools", "org.apache.ant"),
    ("ant-launcher", "org.apache.tools", "org.apache.ant"),
    ("xercesImpl", "org.apache.xerces", "xerces"),
    ("xalan", "org.apache.xalan", "xalan"),
    ("aspectjrt", "org.aspectj", "org.aspectj"),
    ("aspectjweaver", "org.aspectj", "org.aspectj"),
    ("checker-qual", "org.checkerframework", "org.checkerframework"),
];

/// Returns the group of a well-known artifact, if `is_there` finds what its archives hold.
pub(crate) fn of_known_artifact(artifact: &str, is_there: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => artifact.starts_with(prefix),
        None => artifact == pattern,
    };
    KNOWN.iter().find(|(pattern, evidence, _)| fits(pattern) && is_there(evidence)).map(|(.., group)| *group)
}

/// Undoes the rule by which bundles are named after their artifacts: group and artifact joined by a point, without what they have in common
/// (`org.apache.commons` and `commons-lang3` make `org.apache.commons.lang3`).
pub(crate) fn of_symbolic_name(name: &str, artifact: &str) -> Option<String> {
    if let Some(group) = name.strip_suffix(artifact) {
        return group.strip_suffix('.').filter(|group| is_group(group)).map(str::to_owned);
    }
    let normal = |text: &str| text.replace(['-', '_'], ".");
    let (name, artifact) = (normal(name), normal(artifact));
    let shared = artifact.match_indices('.').filter_map(|(at, _)| {
        // The group's last name is the artifact's first part.
        let group = name.strip_suffix(&artifact[at..])?;
        group.strip_suffix(&artifact[..at])?.ends_with('.').then(|| group.to_owned())
    });
    shared.reduce(|_, longer| longer).filter(|group| is_group(group))
}

/// Whether a text has the form of a group: at least two names.
pub(crate) fn is_group(text: &str) -> bool {
    text.len() <= 256
        && text.contains('.')
        && text.split('.').all(|name| {
            !name.is_empty()
                && name.chars().all(|character| character.is_ascii_alphanumeric() || "_-".contains(character))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_symbolic_names() {
        let cases = [
            ("org.apache.commons.lang3", "commons-lang3", Some("org.apache.commons")),
            ("com.fasterxml.jackson.core.jackson-databind", "jackson-databind", Some("com.fasterxml.jackson.core")),
            ("org.slf4j.api", "slf4j-api", Some("org.slf4j")),
            ("slf4j.api", "slf4j-api", None),
            ("org.postgresql.jdbc", "postgresql", None),
            ("jackson-databind", "jackson-databind", None),
            ("spring.core", "spring-core", None),
            ("", "", None),
            ("a b.c", "c", None),
        ];
        for (name, artifact, expected) in cases {
            assert_eq!(of_symbolic_name(name, artifact).as_deref(), expected, "{name} {artifact}");
        }
    }

    #[test]
    fn a_known_name_without_its_evidence_is_not_known() {
        assert_eq!(
            of_known_artifact("spring-core", &|prefix| prefix == "org.springframework.core"),
            Some("org.springframework")
        );
        assert_eq!(of_known_artifact("spring-core", &|_| false), None);
        // Its module, `org.checkerframework.checker.qual`, would make the group `org.checkerframework.checker`.
        assert_eq!(
            of_known_artifact("checker-qual", &|prefix| "org.checkerframework.checker.qual".starts_with(prefix)),
            Some("org.checkerframework")
        );
        assert_eq!(of_known_artifact("spring-cored", &|_| true), None);
    }
}
