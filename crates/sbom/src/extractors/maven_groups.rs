//! The group of a Maven artifact whose archive does not state it.

use std::cmp::Ordering;

use component::Scheme;

/// Artifacts that are published without Maven's files, and what proves that an archive of their name is theirs.
struct Known {
    /// Their names, between bars; one that ends in `*` is the beginning of names.
    artifacts: &'static str,
    /// What the archive must hold: a package, a module or a bundle whose name begins so. A name alone is anybody's.
    evidence: &'static str,
    group: &'static str,
    /// The first version that was published by this group, where earlier ones were not.
    from: Option<&'static str>,
    /// The version before which they were published by this group, where later ones are not.
    before: Option<&'static str>,
}

const fn known(artifacts: &'static str, evidence: &'static str, group: &'static str) -> Known {
    Known { artifacts, evidence, group, from: None, before: None }
}

impl Known {
    const fn from(self, version: &'static str) -> Self {
        Self { from: Some(version), ..self }
    }

    const fn before(self, version: &'static str) -> Self {
        Self { before: Some(version), ..self }
    }

    fn names(&self, artifact: &str) -> bool {
        self.artifacts.split('|').any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => artifact.starts_with(prefix),
            None => artifact == pattern,
        })
    }

    /// Whether a version was published by this group. One that is not known is nobody's where groups changed.
    fn has(&self, version: Option<&str>) -> bool {
        let is = |bound: Option<&str>, wanted: fn(Ordering) -> bool| match (bound, version) {
            (None, _) => true,
            (Some(bound), Some(version)) => Scheme::Maven.compare(version, bound).is_ok_and(wanted),
            (Some(_), None) => false,
        };
        is(self.from, Ordering::is_ge) && is(self.before, Ordering::is_lt)
    }
}

/// Apache Commons of the time before each was built by Maven: `commons-io` with the package `org.apache.commons.io`, by the group `commons-io`. What
/// came later under a group of all (`commons-lang3`) states it.
const COMMONS: &[&str] = &[
    "commons-attributes",
    "commons-beanutils",
    "commons-betwixt",
    "commons-chain",
    "commons-cli",
    "commons-codec",
    "commons-collections",
    "commons-configuration",
    "commons-daemon",
    "commons-dbcp",
    "commons-digester",
    "commons-discovery",
    "commons-el",
    "commons-fileupload",
    "commons-httpclient",
    "commons-io",
    "commons-jelly",
    "commons-jxpath",
    "commons-lang",
    "commons-launcher",
    "commons-logging",
    "commons-modeler",
    "commons-net",
    "commons-pool",
    "commons-primitives",
    "commons-transaction",
    "commons-validator",
];

/// All others. The first that fits counts; where two groups published one version, neither is here.
const KNOWN: &[Known] = &[
    known("spring-boot", "org.springframework.boot", "org.springframework.boot"),
    known("spring-boot-*", "org.springframework.boot", "org.springframework.boot"),
    known("spring-boot-*", "spring.boot", "org.springframework.boot"),
    known("spring-security-oauth|spring-security-oauth2", "org.springframework.security", "org.springframework.security.oauth"),
    known("spring-security-kerberos-*", "org.springframework.security.kerberos", "org.springframework.security.kerberos"),
    known("spring-security-*", "org.springframework.security", "org.springframework.security"),
    known("spring-security-*", "spring.security", "org.springframework.security"),
    known("spring-integration-*", "org.springframework.integration", "org.springframework.integration"),
    known("spring-batch-*", "org.springframework.batch", "org.springframework.batch"),
    known("spring-kafka*", "org.springframework.kafka", "org.springframework.kafka"),
    known("spring-amqp", "org.springframework.amqp", "org.springframework.amqp"),
    known("spring-rabbit*", "org.springframework.amqp", "org.springframework.amqp"),
    known("spring-session-*", "org.springframework.session", "org.springframework.session"),
    known("spring-aop", "org.springframework.aop", "org.springframework"),
    known("spring-aspects", "org.springframework", "org.springframework"),
    known("spring-beans", "org.springframework.beans", "org.springframework"),
    known("spring-context", "org.springframework.context", "org.springframework"),
    known("spring-context-support", "org.springframework", "org.springframework"),
    known("spring-core", "org.springframework.core", "org.springframework"),
    known("spring-expression", "org.springframework.expression", "org.springframework"),
    known("spring-instrument", "org.springframework.instrument", "org.springframework"),
    known("spring-jcl", "org.apache.commons", "org.springframework"),
    known("spring-jdbc", "org.springframework.jdbc", "org.springframework"),
    known("spring-jms", "org.springframework.jms", "org.springframework"),
    known("spring-messaging", "org.springframework.messaging", "org.springframework"),
    known("spring-orm", "org.springframework.orm", "org.springframework"),
    known("spring-oxm", "org.springframework.oxm", "org.springframework"),
    known("spring-r2dbc", "org.springframework.r2dbc", "org.springframework"),
    known("spring-test", "org.springframework.test", "org.springframework"),
    known("spring-tx", "org.springframework.transaction", "org.springframework"),
    known("spring-web", "org.springframework.web", "org.springframework"),
    known("spring-webflux", "org.springframework.web", "org.springframework"),
    known("spring-webmvc", "org.springframework.web", "org.springframework"),
    known("spring-websocket", "org.springframework.web", "org.springframework"),
    known("micrometer-*", "io.micrometer", "io.micrometer"),
    known("micrometer-*", "micrometer", "io.micrometer"),
    known("reactor-core", "reactor.core", "io.projectreactor"),
    known("reactor-netty-*", "reactor.netty", "io.projectreactor.netty"),
    known("kotlin-*", "kotlin", "org.jetbrains.kotlin"),
    known("kotlinx-*", "kotlinx", "org.jetbrains.kotlinx"),
    known("grpc-*", "io.grpc", "io.grpc"),
    known("spring|spring-asm|spring-context-indexer|spring-core-test|spring-dao|spring-hibernate3|spring-mock|spring-remoting", "org.springframework", "org.springframework"),
    known("spring-instrument-tomcat|spring-support|spring-webmvc-portlet|spring-webmvc-struts", "org.springframework", "org.springframework"),
    known("spring-graphql|spring-graphql-test", "org.springframework.graphql", "org.springframework.graphql"),
    known("spring-ldap-*", "org.springframework.ldap", "org.springframework.ldap"),
    known("spring-restdocs-*", "org.springframework.restdocs", "org.springframework.restdocs"),
    known("spring-statemachine-*", "org.springframework.statemachine", "org.springframework.statemachine"),
    known("spring-binding", "org.springframework.binding", "org.springframework.webflow"),
    known("spring-faces", "org.springframework.faces", "org.springframework.webflow"),
    known("spring-js", "org.springframework.js", "org.springframework.webflow"),
    known("spring-webflow", "org.springframework.webflow", "org.springframework.webflow"),
    known("tomcat-embed-*", "org.apache.tomcat-embed", "org.apache.tomcat.embed"),
    known("tomcat-embed-core", "org.apache.catalina", "org.apache.tomcat.embed"),
    known("tomcat-embed-el", "org.apache.el", "org.apache.tomcat.embed"),
    known("tomcat-embed-jasper", "org.apache.jasper", "org.apache.tomcat.embed"),
    known("tomcat-embed-logging-juli", "org.apache.juli", "org.apache.tomcat.embed"),
    known("tomcat-embed-websocket", "org.apache.tomcat.websocket", "org.apache.tomcat.embed"),
    known("tomcat-annotations-api|tomcat-servlet-api|tomcat-jsp-api|tomcat-el-api", "org.apache.tomcat", "org.apache.tomcat"),
    known("tomcat-catalina|tomcat-catalina-ha|tomcat-storeconfig|tomcat-tribes", "org.apache.catalina", "org.apache.tomcat"),
    known("tomcat-coyote", "org.apache.coyote", "org.apache.tomcat"),
    known("tomcat-jasper", "org.apache.jasper", "org.apache.tomcat"),
    known("tomcat-jasper-el", "org.apache.el", "org.apache.tomcat"),
    known("tomcat-juli", "org.apache.juli", "org.apache.tomcat"),
    known("tomcat-api|tomcat-dbcp|tomcat-jdbc|tomcat-jni|tomcat-util|tomcat-util-scan|tomcat-websocket", "org.apache.tomcat", "org.apache.tomcat"),
    known("okhttp|okhttp-jvm|okhttp-sse|okhttp-tls|okhttp-urlconnection|logging-interceptor|mockwebserver", "okhttp3", "com.squareup.okhttp3"),
    known("okhttp|okhttp-urlconnection|logging-interceptor|mockwebserver", "com.squareup.okhttp", "com.squareup.okhttp"),
    known("okio*", "okio", "com.squareup.okio"),
    known("retrofit", "retrofit2", "com.squareup.retrofit2"),
    known("kafka-clients|kafka-metadata|kafka-raft|kafka-server-common|kafka-storage|kafka-streams|kafka-tools", "org.apache.kafka", "org.apache.kafka"),
    known("connect-api|connect-file|connect-json|connect-mirror|connect-mirror-client|connect-runtime|connect-transforms", "org.apache.kafka.connect", "org.apache.kafka"),
    known("lucene-*", "org.apache.lucene", "org.apache.lucene"),
    known("solr-*", "org.apache.solr", "org.apache.solr"),
    known("elasticsearch|elasticsearch-cli|elasticsearch-core|elasticsearch-geo|elasticsearch-x-content", "org.elasticsearch", "org.elasticsearch"),
    known("elasticsearch-rest-client|elasticsearch-rest-client-sniffer|elasticsearch-rest-high-level-client", "org.elasticsearch", "org.elasticsearch.client"),
    known("opensearch|opensearch-cli|opensearch-common|opensearch-core|opensearch-geo|opensearch-x-content", "org.opensearch", "org.opensearch"),
    known("opensearch-rest-client|opensearch-rest-client-sniffer|opensearch-rest-high-level-client", "org.opensearch", "org.opensearch.client"),
    known("postgresql", "org.postgresql", "postgresql").before("9.2"),
    known("postgresql", "org.postgresql", "org.postgresql").from("9.2"),
    known("mysql-connector-java", "com.mysql", "mysql"),
    known("mysql-connector-j", "com.mysql", "com.mysql"),
    known("derby|derbyclient|derbynet|derbyshared|derbytools", "org.apache.derby", "org.apache.derby"),
    known("h2", "org.h2", "com.h2database"),
    known("hsqldb", "org.hsqldb", "hsqldb").before("1.8.1"),
    known("hsqldb", "org.hsqldb", "org.hsqldb").from("2"),
    known("c3p0", "com.mchange.v2", "c3p0").before("0.9.2-alpha"),
    known("c3p0", "com.mchange.v2", "com.mchange").from("0.9.2-alpha"),
    known("bcprov-*|bcpkix-*|bcutil-*|bcpg-*|bcmail-*|bctls-*|bc-fips", "org.bouncycastle", "org.bouncycastle"),
    known("ant|ant-launcher|ant-*", "org.apache.tools.ant", "ant").before("1.7"),
    known("ant|ant-launcher|ant-*", "org.apache.tools.ant", "org.apache.ant").from("1.7"),
    known("ivy", "org.apache.ivy", "org.apache.ivy").from("2"),
    known("xercesImpl", "org.apache.xerces", "xerces"),
    known("xalan", "org.apache.xalan", "xalan"),
    known("serializer", "org.apache.xml.serializer", "xalan"),
    known("xml-apis", "org.apache.xmlcommons", "xml-apis"),
    known("aspectjrt|aspectjtools|aspectjweaver", "org.aspectj", "org.aspectj"),
    known("checker-qual", "org.checkerframework", "org.checkerframework"),
    known("log4j", "org.apache.log4j", "log4j").before("2-alpha"),
    known("commons-beanutils-bean-collections|commons-beanutils-core", "org.apache.commons.beanutils", "commons-beanutils"),
    known("commons-email", "org.apache.commons.mail", "org.apache.commons").from("1.1"),
    known("commons-logging-adapters|commons-logging-api", "org.apache.commons.logging", "commons-logging"),
    known("commons-math", "org.apache.commons.math", "commons-math").before("2"),
    known("commons-math", "org.apache.commons.math", "org.apache.commons").from("2"),
    known("commons-vfs", "org.apache.commons.vfs", "commons-vfs").before("2"),
    known("velocity|velocity-dep", "org.apache.velocity", "velocity").before("1.5"),
    known("velocity|velocity-dep", "org.apache.velocity", "org.apache.velocity").from("1.5"),
    known("velocity-tools", "org.apache.velocity.tools", "org.apache.velocity").from("2"),
    known("struts", "org.apache.struts.action", "struts").before("1.3"),
    known("axis", "org.apache.axis", "axis"),
    known("standard", "org.apache.taglibs.standard", "taglibs").before("1.2"),
    known("dom4j", "org.dom4j", "dom4j").before("2-alpha"),
    known("dom4j", "org.dom4j", "org.dom4j").from("2-alpha"),
    known("jdom", "org.jdom", "jdom").before("1.1"),
    known("jdom", "org.jdom", "org.jdom").from("1.1.1"),
    known("jdom2", "org.jdom2", "org.jdom"),
    known("poi|poi-contrib|poi-excelant|poi-ooxml|poi-scratchpad", "org.apache.poi", "org.apache.poi").from("3"),
    known("xmlbeans", "org.apache.xmlbeans", "org.apache.xmlbeans").from("2.3"),
    known("batik-*", "org.apache.batik", "org.apache.xmlgraphics").from("1.7"),
    known("fop", "org.apache.fop", "org.apache.xmlgraphics").from("0.93"),
    known("xmlgraphics-commons", "org.apache.xmlgraphics", "org.apache.xmlgraphics"),
    known("itext", "com.lowagie.text", "com.lowagie"),
    known("ognl", "ognl", "ognl").before("2.6.10"),
    known("ognl", "ognl", "ognl").from("2.7"),
    known("oro", "org.apache.oro", "oro"),
    known("regexp", "org.apache.regexp", "regexp"),
    known("wsdl4j", "javax.wsdl", "wsdl4j"),
    known("zookeeper", "org.apache.zookeeper", "org.apache.zookeeper").from("3.4"),
    known("apache-cassandra|cassandra-all|cassandra-clientutil|cassandra-thrift", "org.apache.cassandra", "org.apache.cassandra"),
    known("dwr", "org.directwebremoting", "org.directwebremoting").from("2.0.1"),
    known("nekohtml", "org.cyberneko", "nekohtml").before("1.9.7"),
    known("nekohtml", "org.cyberneko", "net.sourceforge.nekohtml").from("1.9.13"),
    known("jasperreports", "net.sf.jasperreports", "jasperreports").before("3.5.4"),
    known("jasperreports", "net.sf.jasperreports", "net.sf.jasperreports").from("3.6"),
    known("gwt-dev|gwt-servlet|gwt-user", "com.google.gwt", "com.google.gwt").before("2.10"),
    known("jython|jython-standalone", "org.python", "org.python"),
    known("rhino", "org.mozilla.javascript", "org.mozilla"),
    known("js", "org.mozilla.javascript", "rhino"),
    known("antlr", "antlr", "antlr").before("3-alpha"),
    known("asm|asm-all|asm-analysis|asm-attrs|asm-commons|asm-tree|asm-util|asm-xml", "org.objectweb.asm", "asm").before("4-alpha"),
    known("asm|asm-all|asm-analysis|asm-attrs|asm-commons|asm-tree|asm-util|asm-xml", "org.objectweb.asm", "asm").from("2004"),
    known("asm|asm-all|asm-analysis|asm-commons|asm-debug-all|asm-test|asm-tree|asm-util|asm-xml", "org.objectweb.asm", "org.ow2.asm").from("4-alpha"),
    known("cglib|cglib-full|cglib-nodep", "net.sf.cglib", "cglib"),
    known("javassist", "javassist", "javassist").before("3.13"),
    known("jna|jna-platform", "com.sun.jna", "net.java.dev.jna").from("3.3"),
    known("jackson-core-asl|jackson-core-lgpl|jackson-jaxrs|jackson-mapper-asl|jackson-mapper-lgpl|jackson-mrbean|jackson-smile|jackson-xc", "org.codehaus.jackson", "org.codehaus.jackson"),
    known("json-path|json-path-assert", "com.jayway.jsonpath", "com.jayway.jsonpath"),
    known("android-json", "org.json", "com.vaadin.external.google"),
    known("json", "org.json", "org.json"),
    known("groovy|groovy-all|groovy-ant|groovy-console|groovy-json|groovy-jsr223|groovy-servlet|groovy-sql|groovy-templates|groovy-xml", "groovy", "org.codehaus.groovy").before("4-alpha"),
    known("groovy|groovy-all|groovy-ant|groovy-console|groovy-json|groovy-jsr223|groovy-servlet|groovy-sql|groovy-templates|groovy-xml", "groovy", "org.apache.groovy").from("4-alpha"),
    known("hibernate-c3p0|hibernate-core|hibernate-ehcache|hibernate-envers|hibernate-entitymanager|hibernate-jcache|hibernate-spatial", "org.hibernate", "org.hibernate").before("6-alpha"),
    known("hibernate-c3p0|hibernate-core|hibernate-envers|hibernate-jcache|hibernate-spatial", "org.hibernate", "org.hibernate.orm").from("6"),
    known("rxjava", "rx", "io.reactivex").before("2-alpha"),
    known("rxjava", "io.reactivex.rxjava3", "io.reactivex.rxjava3").from("3-alpha"),
    known("rxjava", "io.reactivex", "io.reactivex.rxjava2").from("2").before("3-alpha"),
    known("reactive-streams|reactive-streams-tck", "org.reactivestreams", "org.reactivestreams"),
    known("scala-compiler|scala-library|scala-reflect", "scala", "org.scala-lang"),
    known("opentelemetry-api|opentelemetry-common|opentelemetry-context|opentelemetry-sdk|opentelemetry-sdk-common|opentelemetry-sdk-logs", "io.opentelemetry", "io.opentelemetry"),
    known("opentelemetry-exporter-common|opentelemetry-exporter-otlp|opentelemetry-exporter-otlp-common", "io.opentelemetry", "io.opentelemetry"),
    known("opentelemetry-sdk-extension-autoconfigure|opentelemetry-sdk-extension-autoconfigure-spi|opentelemetry-sdk-metrics|opentelemetry-sdk-trace", "io.opentelemetry", "io.opentelemetry"),
    known("caffeine", "com.github.benmanes.caffeine", "com.github.ben-manes.caffeine"),
    known("ehcache", "org.ehcache", "org.ehcache").from("3-alpha"),
    known("graphql-java", "graphql.schema", "com.graphql-java"),
    known("lz4-java", "net.jpountz", "org.lz4").before("1.8.1"),
    known("xz", "org.tukaani.xz", "org.tukaani"),
    known("lombok", "lombok", "org.projectlombok"),
    known("hessian", "com.caucho.hessian", "com.caucho"),
    known("classworlds", "org.codehaus.classworlds", "classworlds"),
    known("org.eclipse.sisu.inject|org.eclipse.sisu.plexus", "org.eclipse.sisu", "org.eclipse.sisu"),
    known("tomlj", "org.tomlj", "org.tomlj"),
    known("activation", "javax.activation", "javax.activation"),
    known("aopalliance", "org.aopalliance", "aopalliance"),
    known("javax.inject", "javax.inject", "javax.inject"),
    known("jsr250-api", "javax.annotation.security", "javax.annotation"),
    known("jsr305", "javax.annotation.meta", "com.google.code.findbugs"),
    known("junit|junit-dep", "junit.framework", "junit"),
    known("junit|junit-dep", "org.junit", "junit"),
    known("junit-jupiter|junit-jupiter-api|junit-jupiter-engine|junit-jupiter-migrationsupport|junit-jupiter-params", "junit-jupiter", "org.junit.jupiter"),
    known("junit-jupiter-api|junit-jupiter-engine|junit-jupiter-migrationsupport|junit-jupiter-params", "org.junit.jupiter", "org.junit.jupiter"),
    known("junit-platform-*", "org.junit.platform", "org.junit.platform"),
    known("junit-vintage-engine", "org.junit.vintage", "org.junit.vintage"),
    known("hamcrest|hamcrest-all|hamcrest-core|hamcrest-generator|hamcrest-integration|hamcrest-library", "org.hamcrest", "org.hamcrest"),
    known("mockito-all|mockito-core|mockito-errorprone|mockito-inline|mockito-junit-jupiter|mockito-proxy|mockito-subclass", "org.mockito", "org.mockito"),
    known("objenesis", "org.objenesis", "org.objenesis"),
    known("opentest4j", "org.opentest4j", "org.opentest4j"),
    known("apiguardian-api", "org.apiguardian", "org.apiguardian"),
    known("testng", "org.testng", "org.testng"),
    known("annotations", "org.jetbrains.annotations", "org.jetbrains").from("13"),
    known("arrow-*", "arrow", "io.arrow-kt"),
    known("config", "com.typesafe.config", "com.typesafe"),
    known("converter-gson|converter-jackson|converter-moshi|converter-scalars", "retrofit2.converter", "com.squareup.retrofit2"),
    known("moshi|moshi-adapters|moshi-kotlin", "com.squareup.moshi", "com.squareup.moshi"),
    known("ecj", "org.eclipse.jdt", "org.eclipse.jdt").from("3.12"),
    known("freemarker", "freemarker.core", "freemarker").before("2.3.9"),
    known("freemarker", "freemarker.core", "org.freemarker").from("2.3.13"),
    known("jfreechart", "org.jfree.chart", "jfree").before("1.0.13"),
    known("jfreechart", "org.jfree.chart", "org.jfree").from("1.0.16"),
    known("jgroups", "org.jgroups", "jgroups").before("2.7"),
    known("jgroups", "org.jgroups", "org.jgroups").from("3"),
    known("jxl", "jxl", "net.sourceforge.jexcelapi"),
    known("ktor-*", "io.ktor", "io.ktor"),
    known("mchange-commons-java", "com.mchange", "com.mchange"),
    known("resilience4j-*", "io.github.resilience4j", "io.github.resilience4j"),
    known("spock-core|spock-junit4|spock-spring", "org.spockframework", "org.spockframework"),
    known("spotbugs-annotations", "edu.umd.cs", "com.github.spotbugs"),
    known("xmlunit", "org.custommonkey.xmlunit", "xmlunit").before("2-alpha"),
];

/// Returns the group of a version of a well-known artifact, if `is_there` finds what its archives hold.
pub(crate) fn of_known_artifact(
    artifact: &str,
    version: Option<&str>,
    is_there: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    let is_theirs = |part: &str| is_there(&format!("org.apache.commons.{part}"));
    let commons = COMMONS.iter().find(|name| **name == artifact);
    if let Some(group) = commons.filter(|name| name.strip_prefix("commons-").is_some_and(is_theirs)) {
        return Some(group);
    }
    let known = KNOWN.iter().find(|known| known.names(artifact) && known.has(version) && is_there(known.evidence));
    known.map(|known| known.group)
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

/// Returns the group of a bundle that is named by its group and its artifact, joined by a point.
///
/// Only an artifact with a hyphen counts: without one, the name may as well be that of a package, as `org.apache.velocity` is, or of the group alone, as
/// `com.github.ben-manes.caffeine` is. And the group must be that of the archive's own classes, and not one that stands for many, as `org.apache` does
/// before `velocity-tools`.
pub(crate) fn of_bundle(name: &str, artifact: &str, packages: &[String]) -> Option<String> {
    let group = name.strip_suffix(artifact)?.strip_suffix('.').filter(|group| is_group(group))?;
    let names: Vec<&str> = group.split('.').collect();
    let is_own = names.len() > 2 || names.last().is_some_and(|last| artifact.starts_with(last));
    let common = names.len().saturating_sub(1).max(2);
    let is_theirs = |package: &String| package.split('.').take(common).eq(names.iter().copied().take(common));
    (artifact.contains('-') && is_own && packages.iter().any(is_theirs)).then(|| group.to_owned())
}

/// Returns the group that sbt states as the vendor of what it builds: an artifact that is named after its title and its version of Scala.
pub(crate) fn of_sbt<'a>(vendor: &'a str, title: &str, artifact: &str) -> Option<&'a str> {
    let name = title.to_lowercase().replace(' ', "-");
    let scala = artifact.strip_prefix(name.as_str())?.strip_prefix('_')?;
    let is_scala = scala == "3" || scala.strip_prefix("2.").is_some_and(|minor| minor.parse::<u8>().is_ok());
    (is_scala && is_group(vendor)).then_some(vendor)
}

/// Whether a group that is asked for under an artifact's name may be that of an archive of the name: a single word is many artifacts' name, so that the
/// group must be that of the archive's own classes, if it has any.
pub(crate) fn may_be(group: &str, artifact: &str, packages: &[String]) -> bool {
    let kin = |package: &String| package.split('.').take(2).eq(group.split('.').take(2)) || package == group;
    artifact.contains('-') || packages.is_empty() || packages.iter().any(kin)
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
    fn groups_by_bundles_need_a_hyphen_and_their_own_classes() {
        let cases = [
            ("com.fasterxml.jackson.core.jackson-databind", "jackson-databind", "com.fasterxml.jackson", true),
            ("com.github.luben.zstd-jni", "zstd-jni", "com.github.luben.zstd", true),
            ("org.mockito.mockito-core", "mockito-core", "org.mockito", true),
            // The group's name, that of a package, one of many vendors, and classes of somebody else.
            ("com.github.ben-manes.caffeine", "caffeine", "com.github.benmanes", false),
            ("org.apache.velocity", "velocity", "org.apache.velocity", false),
            ("com.sun.jna", "jna", "com.sun.jna", false),
            ("org.apache.velocity-tools", "velocity-tools", "org.apache.velocity", false),
            ("com.googlecode.json-simple", "json-simple", "org.json.simple", false),
            ("org.example.lib.lib-core", "lib-core", "org.elsewhere", false),
            ("org.example.lib.lib-core", "lib-core", "", false),
            ("lib-core", "lib-core", "org.example", false),
            ("", "", "", false),
        ];
        for (name, artifact, package, is_found) in cases {
            let expected = name.strip_suffix(artifact).and_then(|rest| rest.strip_suffix('.')).filter(|_| is_found);
            assert_eq!(of_bundle(name, artifact, &[package.to_owned()]).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn groups_by_sbt() {
        let cases = [
            ("com.typesafe.akka", "akka-actor", "akka-actor_2.13", true),
            ("com.typesafe.akka", "akka-actor", "akka-actor_3", true),
            ("com.typesafe.play", "Play JSON", "play-json_2.13", true),
            ("com.typesafe.akka", "akka-actor", "akka-actor", false),
            ("com.typesafe.akka", "akka-actor", "akka-actor_2.x", false),
            ("com.typesafe.akka", "akka", "akka-actor_2.13", false),
            ("Lightbend Inc.", "akka-actor", "akka-actor_2.13", false),
            ("org.apache", "velocity", "velocity", false),
        ];
        for (vendor, title, artifact, is_found) in cases {
            assert_eq!(of_sbt(vendor, title, artifact), Some(vendor).filter(|_| is_found), "{vendor} {artifact}");
        }
    }

    #[test]
    fn a_single_word_is_many_artifacts_name() {
        let cases = [
            ("com.google.zxing", "core", &["com.google.zxing"][..], true),
            ("com.google.zxing", "core", &["org.example.shop"], false),
            ("com.google.zxing", "core", &[], true),
            ("junit", "junit", &["junit"], true),
            ("org.eclipse.jetty.toolchain", "jetty-servlet-api", &["javax.servlet"], true),
        ];
        for (group, artifact, packages, expected) in cases {
            let packages: Vec<String> = packages.iter().map(ToString::to_string).collect();
            assert_eq!(may_be(group, artifact, &packages), expected, "{group} {artifact} {packages:?}");
        }
    }

    #[test]
    fn groups_of_known_artifacts_by_version() {
        let cases = [
            ("asm", "3.3.1", "org.objectweb.asm", Some("asm")),
            ("asm", "20041228.180559", "org.objectweb.asm", Some("asm")),
            ("asm", "4.0_RC1", "org.objectweb.asm", Some("org.ow2.asm")),
            ("asm", "9.6", "org.objectweb.asm", Some("org.ow2.asm")),
            ("asm", "9.6", "org.example.asm", None),
            ("asm", "", "org.objectweb.asm", None),
            ("dom4j", "1.6.1", "org.dom4j", Some("dom4j")),
            ("dom4j", "2.0.0-RC1", "org.dom4j", Some("org.dom4j")),
            ("dom4j", "2.1.3", "org.dom4j", Some("org.dom4j")),
            ("velocity", "1.4", "org.apache.velocity", Some("velocity")),
            ("velocity", "1.5", "org.apache.velocity", Some("org.apache.velocity")),
            ("velocity", "1.7", "org.apache.velocity", Some("org.apache.velocity")),
            ("postgresql", "9.1-901.jdbc4", "org.postgresql", Some("postgresql")),
            ("postgresql", "9.2-1002-jdbc4", "org.postgresql", Some("org.postgresql")),
            ("postgresql", "42.2.5.jre7", "org.postgresql", Some("org.postgresql")),
            ("hibernate-core", "5.6.15.Final", "org.hibernate", Some("org.hibernate")),
            ("hibernate-core", "6.0.0.Alpha1", "org.hibernate", None),
            ("hibernate-core", "6.1.0.Final", "org.hibernate", Some("org.hibernate.orm")),
            ("rxjava", "1.3.8", "rx", Some("io.reactivex")),
            ("rxjava", "2.2.21", "io.reactivex", Some("io.reactivex.rxjava2")),
            ("rxjava", "3.1.5", "io.reactivex.rxjava3", Some("io.reactivex.rxjava3")),
            ("ant", "1.6.5", "org.apache.tools.ant", Some("ant")),
            ("ant", "1.10.12", "org.apache.tools.ant", Some("org.apache.ant")),
            ("c3p0", "0.9.1.2", "com.mchange.v2", Some("c3p0")),
            ("c3p0", "0.9.2-pre4", "com.mchange.v2", Some("com.mchange")),
            ("jdom", "1.0", "org.jdom", Some("jdom")),
            ("jdom", "1.1", "org.jdom", None),
            ("jdom", "1.1.3", "org.jdom", Some("org.jdom")),
            ("log4j", "1.2.12", "org.apache.log4j", Some("log4j")),
            ("log4j", "2.17.1", "org.apache.log4j", None),
            ("log4j-core", "2.17.1", "org.apache.log4j", None),
            ("commons-beanutils", "1.7.0", "org.apache.commons.beanutils", Some("commons-beanutils")),
            ("commons-beanutils", "1.7.0", "org.apache.commons", None),
            ("commons-nothing", "1.0", "org.apache.commons.nothing", None),
            ("spring-security-core", "5.8.1", "org.springframework.security", Some("org.springframework.security")),
            (
                "spring-security-oauth2",
                "2.0",
                "org.springframework.security",
                Some("org.springframework.security.oauth"),
            ),
        ];
        for (artifact, version, evidence, expected) in cases {
            let version = Some(version).filter(|version| !version.is_empty());
            assert_eq!(
                of_known_artifact(artifact, version, &|wanted| wanted == evidence),
                expected,
                "{artifact} {version:?}"
            );
        }
    }

    #[test]
    fn each_row_of_the_table_counts() {
        for (at, known) in KNOWN.iter().enumerate() {
            let forms = [Scheme::Maven.compare(known.from.unwrap_or("1"), known.before.unwrap_or("1"))];
            assert!(forms.iter().all(Result::is_ok), "{}", known.artifacts);
            assert!(is_group(known.group) || !known.group.contains('.'), "{}", known.group);
            for name in known.artifacts.split('|') {
                let is_shadowed = KNOWN[..at].iter().any(|before| {
                    let is_unbounded = before.from.is_none() && before.before.is_none();
                    is_unbounded && before.evidence == known.evidence && before.names(name)
                });
                assert!(!is_shadowed, "{name} {}", known.evidence);
                assert!(!COMMONS.contains(&name), "{name}");
            }
        }
    }

    #[test]
    fn a_known_name_without_its_evidence_is_not_known() {
        assert_eq!(
            of_known_artifact("spring-core", None, &|prefix| prefix == "org.springframework.core"),
            Some("org.springframework")
        );
        assert_eq!(of_known_artifact("spring-core", None, &|_| false), None);
        // Its module, `org.checkerframework.checker.qual`, would make the group `org.checkerframework.checker`.
        assert_eq!(
            of_known_artifact("checker-qual", None, &|prefix| "org.checkerframework.checker.qual".starts_with(prefix)),
            Some("org.checkerframework")
        );
        assert_eq!(of_known_artifact("spring-cored", None, &|_| true), None);
    }
}
