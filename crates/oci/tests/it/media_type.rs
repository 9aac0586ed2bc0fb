use oci::media_type::{is_container_config, is_root_file_system_layer};

#[test]
fn file_systems_are_told_from_attestations_and_charts() {
    for (media_type, expected) in [
        ("application/vnd.oci.image.layer.v1.tar", true),
        ("application/vnd.oci.image.layer.v1.tar+gzip", true),
        ("application/vnd.OCI.image.layer.v1.TAR+zstd", true),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", true),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", true),
        ("application/vnd.docker.image.rootfs.diff.tar", true),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true),
        ("application/vnd.in-toto+json", false),
        ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", false),
        ("application/octet-stream", false),
        ("", false),
    ] {
        assert_eq!(is_root_file_system_layer(media_type), expected, "{media_type}");
    }
}

#[test]
fn configurations_of_containers_are_told_from_others() {
    for (media_type, expected) in [
        ("application/vnd.oci.image.config.v1+json", true),
        ("application/vnd.docker.container.image.v1+JSON", true),
        ("application/vnd.cncf.helm.config.v1+json", false),
        ("application/vnd.oci.empty.v1+json", false),
        ("", false),
    ] {
        assert_eq!(is_container_config(media_type), expected, "{media_type}");
    }
}
