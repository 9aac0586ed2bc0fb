//! Input: a letter that chooses what it is, and what a registry, a token service, a user's files or a credential helper may say.
//!
//! Whatever is taken is within its limits, is the same when it is read again, and reads back as itself where there is a way to write it.
#![no_main]

use images::{CredentialText, ImageReference, Known, Source, parse_helper_answer, parse_platform};
use libfuzzer_sys::fuzz_target;
use oci::image_config::{CREATED_BY_BYTES_MAX, LAYERS_MAX, PLATFORM_WORD_BYTES_MAX};
use oci::{ImageConfig, RepositoryName};
use outbound::{Challenge, Problem, RegistryCredentials, parse_token};
use serde_json::{Map, Value, json};

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    let text = str::from_utf8(bytes).ok();
    match (kind.wrapping_sub(b'a') % 7, text) {
        (0, Some(header)) => challenges(header),
        (1, _) => {
            if let Ok(token) = parse_token(bytes) {
                assert!(!token.is_empty() && token.len() <= bytes.len());
                assert_eq!(parse_token(json!({ "token": token }).to_string().as_bytes()), Ok(token));
            }
        }
        (2, _) => assert_eq!(Problem::parse(404, bytes), Problem::parse(404, bytes)),
        (3, _) => credentials(bytes),
        (4, _) => {
            if let Ok(Some(credentials)) = parse_helper_answer(bytes) {
                assert!(!secret(&credentials).is_empty());
            }
        }
        (5, _) => image_config(bytes),
        (6, Some(word)) => names(word),
        _ => {}
    }
});

fn challenges(header: &str) {
    for challenge in Challenge::parse_all(header) {
        let written = match &challenge {
            Challenge::Basic => "Basic realm=\"x\"".to_owned(),
            Challenge::Bearer { realm, service: None } => format!("Bearer realm={}", quoted(realm)),
            Challenge::Bearer { realm, service: Some(service) } => {
                format!("Negotiate, Bearer service={}, realm={}", quoted(service), quoted(realm))
            }
        };
        assert_eq!(Challenge::parse_all(&written), [challenge], "{written}");
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn credentials(bytes: &[u8]) {
    let Ok(text) = CredentialText::parse(bytes) else { return };
    let repository: RepositoryName = "team/api".parse().expect("the name is one");
    for (host, server) in
        [("docker.io", "https://index.docker.io/v1/"), ("hub.example", "hub.example"), ("a:5000", "a:5000")]
    {
        match text.find(host, &repository) {
            Ok(Known::Credentials(credentials)) => {
                if let RegistryCredentials::Basic { user, .. } = &credentials {
                    assert_ne!(user, "<token>");
                }
            }
            Ok(Known::Helper { server: asked, .. }) => assert_eq!(asked, server),
            Ok(Known::Nobody) | Err(_) => {}
        }
    }
}

fn secret(credentials: &RegistryCredentials) -> &str {
    match credentials {
        RegistryCredentials::Basic { secret, .. } => secret,
        RegistryCredentials::Identity(token) | RegistryCredentials::Bearer(token) => token,
    }
}

fn image_config(bytes: &[u8]) {
    let Ok(config) = ImageConfig::parse(bytes) else { return };
    let platform = &config.platform;
    for word in [&platform.os, &platform.architecture, &platform.variant, &platform.os_version] {
        assert!(word.len() <= PLATFORM_WORD_BYTES_MAX && !word.contains(char::is_control));
    }
    assert!(config.layers.len() <= LAYERS_MAX);
    let commands = config.layers.iter().filter_map(|layer| layer.created_by.as_ref());
    assert!(commands.clone().all(|command| command.len() <= CREATED_BY_BYTES_MAX && !command.contains('\0')));

    let execution = &config.execution;
    let keys = |keys: &[String]| keys.iter().map(|key| (key.clone(), json!({}))).collect::<Map<String, Value>>();
    let written = json!({
        "os": platform.os, "architecture": platform.architecture, "variant": platform.variant,
        "os.version": platform.os_version, "os.features": platform.os_features, "created": config.created,
        "rootfs": {
            "type": "layers",
            "diff_ids": config.layers.iter().map(|layer| layer.diff_id.to_string()).collect::<Vec<_>>(),
        },
        "history": config.layers.iter().map(|layer| json!({ "created_by": layer.created_by })).collect::<Vec<_>>(),
        "config": {
            "User": execution.user, "WorkingDir": execution.working_directory, "StopSignal": execution.stop_signal,
            "Env": execution.environment, "Entrypoint": execution.entrypoint, "Cmd": execution.command,
            "ExposedPorts": keys(&execution.exposed_ports), "Volumes": keys(&execution.volumes),
            "Labels": execution.labels,
        },
    });
    let again = ImageConfig::parse(written.to_string().as_bytes()).expect("what is written is read");
    assert_eq!(again, config);
}

fn names(word: &str) {
    if let Ok(reference) = word.parse::<ImageReference>() {
        assert_eq!(reference.to_string().parse(), Ok(reference));
    }
    let _ = Source::parse(word, |path| path.len() % 2 == 0);
    if let Ok(platform) = parse_platform(word) {
        assert!(platform.is_stated());
        assert_eq!(parse_platform(&platform.to_string()), Ok(platform));
    }
}
