//! Cases of Grype's matchers: the records are those of its fixtures, the packages and what must be found of them are facts that its tests
//! state. A record is read here as its form means it; a version of `None` is affected and not mended, one of `0` not affected.

use std::collections::BTreeSet;
use std::path::Path;

use component::{Component, Distribution, PackageType, SourcePackage, Technique};
use serde_json::Value;
use vulndb::matching::match_component;
use vulndb::{
    Advisory, Affected, Channel, Document, Ecosystem, End, Family, Fix, Interval, Named, Qualifiers, Records, Start,
    Verdict,
};

use super::goldens::intervals;
use super::{Advisories, Differences, database_of};
use crate::feeds::{files, find_reader};

/// By design: CPE is held against programs alone that belong to no package manager, and only where evidence names it.
const CPE: &str = "what a package manager owns is not held against CPE";

/// Red Hat's streams of minor releases are in this form alone, which nothing here reads.
const MINOR: &str = "the streams of minor releases, which only this form has, are not read";

/// What is asked: the fixture's folder and its records by the names of their files; the package and where it is installed; and what its
/// test says is found.
#[derive(Clone, Copy)]
struct Case {
    fixture: &'static str,
    records: &'static [&'static str],
    package: (PackageType, &'static str, &'static str),
    /// The source package, the module, or the CPE.
    with: With,
    on: Option<(&'static str, &'static str)>,
    found: &'static [&'static str],
    /// Why the answer here is another.
    reason: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum With {
    Nothing,
    Source(&'static str),
    Module(&'static str),
    Cpe(&'static str),
}

const fn case(
    fixture: &'static str,
    records: &'static [&'static str],
    package: (PackageType, &'static str, &'static str),
    on: Option<(&'static str, &'static str)>,
    with: With,
    found: &'static [&'static str],
) -> Case {
    Case { fixture, records, package, with, on, found, reason: None }
}

const fn otherwise(case: Case, reason: &'static str) -> Case {
    Case { reason: Some(reason), ..case }
}

const ALPINE: &str = "grype/matcher/apk/testdata/alpine318";
const WOLFI: &str = "grype/matcher/apk/testdata/wolfi-rolling";
const ROOT_ALPINE: &str = "grype/matcher/apk/testdata/rootio-alpine-318";
const DEBIAN: &str = "internal/dbtest/testdata/shared/all";
const OLD_DEBIAN: &str = "grype/matcher/dpkg/testdata/eol-debian8";
const ROOT_DEBIAN: &str = "grype/matcher/dpkg/testdata/rootio-debian-12";
const ROOT_UBUNTU: &str = "grype/matcher/dpkg/testdata/rootio-ubuntu-2204";
const ESM: &str = "grype/matcher/dpkg/testdata/ubuntu-esm";
const RHEL: &str = "grype/matcher/rpm/testdata/rhel8";
const STREAMS: &str = "grype/matcher/rpm/testdata/rhel-multi-rhsa";
const GO: &str = "grype/matcher/golang/testdata/govulndb-and-ghsa";
const ISTIO: &str = "grype/matcher/golang/testdata/istio-and-stdlib";
const WEBMVC: &str = "grype/matcher/java/testdata/spring-webmvc";
const SPRING_SECURITY: &str = "grype/matcher/java/testdata/spring-security-and-vex";
const SPRING_CORE: &str = "grype/matcher/java/testdata/rootio-maven";
const SCOPES: &str = "grype/matcher/javascript/testdata/npm-scope-handling";
const ROOT_NPM: &str = "grype/matcher/javascript/testdata/rootio-npm";
const RACK: &str = "grype/matcher/ruby/testdata/rack";
const JAVA_SE: &str = "grype/matcher/stock/testdata/oracle-java-se";

const ON_ALPINE: Option<(&str, &str)> = Some(("alpine", "3.18.0"));
const ON_WOLFI: Option<(&str, &str)> = Some(("wolfi", "20220202"));
const ON_ELEVEN: Option<(&str, &str)> = Some(("debian", "11"));
const ON_TWELVE: Option<(&str, &str)> = Some(("debian", "12"));
const ON_XENIAL: Option<(&str, &str)> = Some(("ubuntu", "16.04"));
const ON_FOCAL: Option<(&str, &str)> = Some(("ubuntu", "20.04"));
const ON_JAMMY: Option<(&str, &str)> = Some(("ubuntu", "22.04"));

const fn apk(name: &'static str, version: &'static str) -> (PackageType, &'static str, &'static str) {
    (PackageType::Apk, name, version)
}

const fn deb(name: &'static str, version: &'static str) -> (PackageType, &'static str, &'static str) {
    (PackageType::Deb, name, version)
}

const fn rpm(name: &'static str, version: &'static str) -> (PackageType, &'static str, &'static str) {
    (PackageType::Rpm, name, version)
}

const fn npm(name: &'static str, version: &'static str) -> (PackageType, &'static str, &'static str) {
    (PackageType::Npm, name, version)
}

const fn go(name: &'static str, version: &'static str) -> (PackageType, &'static str, &'static str) {
    (PackageType::GoModule, name, version)
}

const fn jar(name: &'static str, version: &'static str) -> (PackageType, &'static str, &'static str) {
    (PackageType::JavaArchive, name, version)
}

use With::{Cpe, Module, Nothing, Source};

#[rustfmt::skip]
const CASES: &[Case] = &[
    case(ALPINE, &["alpine/cve-2024-0727"], apk("openssl", "3.1.4-r0"), ON_ALPINE, Nothing, &["CVE-2024-0727"]),
    case(ALPINE, &["alpine/cve-2024-0727"], apk("libssl3", "3.1.4-r0"), ON_ALPINE, Source("openssl"), &["CVE-2024-0727"]),
    case(ALPINE, &["alpine/cve-2024-0727"], apk("openssl", "3.1.4-r5"), ON_ALPINE, Nothing, &[]),
    case(ALPINE, &["alpine/cve-2024-0727"], apk("libssl3", "3.1.4-r5"), ON_ALPINE, Source("openssl"), &[]),
    case(ALPINE, &["alpine/cve-2019-6470"], apk("bind", "9.16.0-r0"), ON_ALPINE, Nothing, &[]),
    case(ALPINE, &["alpine/cve-2019-6470"], apk("bind-tools", "9.16.0-r0"), ON_ALPINE, Source("bind"), &[]),
    case(ALPINE, &["alpine/cve-2024-0727"], apk("something-obscure", "1.0.0-r0"), ON_ALPINE, Nothing, &[]),
    case(ALPINE, &["alpine/cve-2024-0727", "nvd/cve-2024-0727"], apk("openssl", "3.1.4-r0"), ON_ALPINE,
        Cpe("cpe:2.3:a:openssl:openssl:3.1.4-r0:*:*:*:*:*:*:*"), &["CVE-2024-0727"]),
    case(ALPINE, &["alpine/cve-2024-0727", "nvd/cve-2024-0727"], apk("openssl", "3.1.4-r5"), ON_ALPINE,
        Cpe("cpe:2.3:a:openssl:openssl:3.1.4-r5:*:*:*:*:*:*:*"), &[]),
    otherwise(case(ALPINE, &["alpine/cve-2024-0727", "nvd/cve-2014-0224", "nvd/cve-2024-0727"], apk("openssl", "1.0.1f-r0"), ON_ALPINE,
        Cpe("cpe:2.3:a:openssl:openssl:1.0.1f-r0:*:*:*:*:*:*:*"), &["CVE-2014-0224", "CVE-2024-0727"]), CPE),
    otherwise(case(ALPINE, &["nvd/cve-2014-0224"], apk("openssl", "1.0.1f-r0"), ON_ALPINE,
        Cpe("cpe:2.3:a:openssl:openssl:1.0.1f-r0:*:*:*:*:*:*:*"), &["CVE-2014-0224"]), CPE),
    case(ALPINE, &["alpine/cve-2024-0727", "nvd/cve-2014-0224", "nvd/cve-2024-0727"], apk("openssl", "3.1.4-r0"), ON_ALPINE,
        Cpe("cpe:2.3:a:openssl:openssl:3.1.4-r0:*:*:*:*:*:*:*"), &["CVE-2024-0727"]),
    case(ROOT_ALPINE, &["alpine/cve-2024-0727"], apk("openssl", "3.1.0-r0"), ON_ALPINE, Nothing, &["CVE-2024-0727"]),
    case(ROOT_ALPINE, &["alpine/cve-2024-0727"], apk("openssl", "3.1.4-r5"), ON_ALPINE, Nothing, &[]),
    case(ROOT_ALPINE, &["alpine/cve-2024-0727"], apk("musl", "1.2.4-r2"), ON_ALPINE, Nothing, &[]),
    case(WOLFI, &["wolfi/cve-2024-0727"], apk("openssl", "3.1.0-r0"), ON_WOLFI, Nothing, &["CVE-2024-0727"]),
    case(WOLFI, &["wolfi/cve-2024-0727"], apk("openssl", "3.2.1-r0"), ON_WOLFI, Nothing, &[]),
    case(WOLFI, &["wolfi/cve-2024-47535"], apk("akhq", "0.25.0-r0"), ON_WOLFI, Nothing, &[]),
    case(WOLFI, &["wolfi/cve-2024-47535"], apk("akhq-bin", "0.25.0-r0"), ON_WOLFI, Source("akhq"), &[]),

    case(DEBIAN, &["debian@11/cve-2024-0727"], deb("openssl", "1.1.1k-1"), ON_ELEVEN, Nothing, &["CVE-2024-0727"]),
    case(DEBIAN, &["debian@11/cve-2024-0727"], deb("libssl3", "1.1.1k-1"), ON_ELEVEN, Source("openssl"), &["CVE-2024-0727"]),
    otherwise(case(OLD_DEBIAN, &["cve-1999-1332", "nvd"], deb("openssl", "1.1.1k"), Some(("debian", "8")),
        Cpe("cpe:2.3:a:openssl:openssl:1.1.1k:*:*:*:*:*:*:*"), &["CVE-2024-0727"]), CPE),
    case(OLD_DEBIAN, &["cve-1999-1332"], deb("openssl", "1.1.1k"), Some(("debian", "8")), Nothing, &[]),
    case(ROOT_DEBIAN, &["debian@12"], deb("jq", "1.6-2.1+deb12u1"), ON_TWELVE, Nothing, &[]),
    case(ROOT_DEBIAN, &["debian@12"], deb("postgresql-15", "15.13"), ON_TWELVE, Nothing, &["CVE-2025-12817"]),
    case(ROOT_UBUNTU, &["ubuntu@22.04"], deb("gnupg2", "2.2.27-3ubuntu2.3"), ON_JAMMY, Nothing, &["CVE-2025-68973"]),
    case(ROOT_UBUNTU, &["ubuntu@22.04"], deb("gnupg2", "2.2.27-3ubuntu2.5"), ON_JAMMY, Nothing, &[]),
    case(ROOT_UBUNTU, &["ubuntu@22.04"], deb("libreoffice", "1:7.3.7-0ubuntu0.22.04.1"), ON_JAMMY, Nothing, &[]),
    case(ESM, &["cve-2021-3782"], deb("wayland", "1.11.0-2"), ON_XENIAL, Nothing, &["CVE-2021-3782"]),
    case(ESM, &["cve-2025-61985"], deb("openssh", "1:8.2p1-4ubuntu0.12"), ON_FOCAL, Nothing, &["CVE-2025-61985"]),
    case(ESM, &["cve-2021-3782"], deb("libwayland-client0", "1.11.0-2"), ON_XENIAL, Source("wayland"), &["CVE-2021-3782"]),
    case(ESM, &["cve-2021-3782"], deb("wayland", "1.17.0-1ubuntu1"), ON_FOCAL, Nothing, &["CVE-2021-3782"]),
    case(ESM, &["cve-2021-3782"], deb("wayland", "1.12.0-1~ubuntu16.04.3+esm1"), ON_XENIAL, Nothing, &[]),
    case(ESM, &["cve-2021-3782"], deb("wayland", "1.18.0-1ubuntu0.1"), ON_FOCAL, Nothing, &[]),

    case(RHEL, &["rhel@8/cve-2018-0735"], rpm("openssl", "1:1.1.1b-1.el8"), Some(("rhel", "8")), Nothing, &["CVE-2018-0735"]),
    case(RHEL, &["rhel@8/cve-2018-0735"], rpm("openssl", "1:1.1.1a-1.el8"), Some(("rhel", "8")), Nothing, &["CVE-2018-0735"]),
    case(RHEL, &["rhel@8/cve-2018-0735"], rpm("openssl-libs", "1:1.1.1b-1.el8"), Some(("rhel", "8")), Source("openssl"), &["CVE-2018-0735"]),
    case(RHEL, &["rhel@8/cve-2018-0735"], rpm("openssl", "1:1.1.1c-2.el8"), Some(("rhel", "8")), Nothing, &[]),
    case(RHEL, &["rhel@8/cve-2018-0735"], rpm("openssl", "1:1.1.1d-1.el8"), Some(("rhel", "8")), Nothing, &[]),
    case(RHEL, &["rhel@8/cve-2018-0735"], rpm("openssl-libs", "1:1.1.1d-1.el8"), Some(("rhel", "8")), Source("openssl"), &[]),
    case(RHEL, &["rhel@8/cve-2018-17199"], rpm("httpd", "0:2.4.37-30.module+el8.3.0+1.el8"), Some(("rhel", "8")), Module("httpd:2.4:1234:5678"), &["CVE-2018-17199"]),
    case(RHEL, &["rhel@8/cve-2018-17199"], rpm("httpd", "0:2.4.37-30.module+el8.3.0+1.el8"), Some(("rhel", "8")), Module("httpd:2.6:1234:5678"), &[]),
    case(RHEL, &["rhel@8/cve-2016-10228"], rpm("glibc", "2.28-100.el8"), Some(("rhel", "8")), Nothing, &["CVE-2016-10228"]),
    case(STREAMS, &["cve-2024-8088"], rpm("python3", "3.9.18-3.el9_4.5"), Some(("rhel", "9.4")), Source("python3.9"), &[]),
    case(STREAMS, &["cve-2024-8088"], rpm("python3", "3.9.18-3.el9_4.4"), Some(("rhel", "9.4")), Source("python3.9"), &["CVE-2024-8088"]),
    case(STREAMS, &["cve-2024-8088"], rpm("python3", "3.9.18-10.el9_4"), Some(("rhel", "9.4")), Source("python3.9"), &[]),
    case(STREAMS, &["cve-2024-8088"], rpm("python3", "3.9.19-1.el9"), Some(("rhel", "9.4")), Source("python3.9"), &["CVE-2024-8088"]),
    case(STREAMS, &["cve-2024-8088"], rpm("python3", "3.9.19-8.el9"), Some(("rhel", "9.4")), Source("python3.9"), &[]),
    case(STREAMS, &["cve-2024-8088"], rpm("python3", "3.9.16-1.el9_2.5"), Some(("rhel", "9.2")), Source("python3.9"), &["CVE-2024-8088"]),
    case(STREAMS, &["cve-2020-0543"], rpm("microcode_ctl", "4:20191115-4.20200602.2.el8_2"), Some(("rhel", "8.2")), Nothing, &[]),
    case(STREAMS, &["cve-2020-0543"], rpm("microcode_ctl", "4:20191115-4.20200602.1.el8_2"), Some(("rhel", "8.2")), Nothing, &["CVE-2020-0543"]),
    case(STREAMS, &["cve-2020-0543"], rpm("microcode_ctl", "4:20191115-4.20200602.2.el8_2"), Some(("rhel", "8.3")), Nothing, &[]),
    case(STREAMS, &["cve-2020-0543"], rpm("microcode_ctl", "4:20210216-1.20210608.1.el8_4"), Some(("rhel", "8.4")), Nothing, &[]),
    case(STREAMS, &["cve-2020-0543"], rpm("microcode_ctl", "4:20210216-1.20210510.1.el8_4"), Some(("rhel", "8.4")), Nothing, &["CVE-2020-0543"]),
    case(STREAMS, &["cve-2021-27928"], rpm("mariadb", "3:10.5.16-1.module+el8.6.0+15522+7adc332a"), Some(("rhel", "8.6")), Module("mariadb:10.5:8060020220715055054:1e6a3387"), &[]),
    case(STREAMS, &["cve-2017-17095"], rpm("libtiff", "0:4.4.0-9.el9"), Some(("rhel", "9.2")), Nothing, &["CVE-2017-17095"]),
    case(STREAMS, &["cve-2023-4813"], rpm("glibc", "0:2.34-60.el9_2.1"), Some(("rhel", "9.2")), Nothing, &["CVE-2023-4813"]),
    otherwise(case(STREAMS, &["cve-2023-4813"], rpm("glibc", "0:2.34-70.el9_2.8"), Some(("rhel", "9.2")), Nothing, &[]), MINOR),
    case(STREAMS, &["cve-2023-4813"], rpm("glibc", "0:2.34-70.el9"), Some(("rhel", "9.1")), Nothing, &["CVE-2023-4813"]),
    case(STREAMS, &["cve-2023-4813"], rpm("glibc", "0:2.34-70.el9"), Some(("rhel", "9.3")), Nothing, &["CVE-2023-4813"]),
    otherwise(case(STREAMS, &["cve-2023-4813", "cve-2026-5450"], rpm("glibc", "0:2.34-60.el9_2.7"), Some(("rhel", "9.2")), Nothing, &["CVE-2026-5450"]), MINOR),
    otherwise(case(STREAMS, &["cve-2023-4813"], rpm("glibc", "0:2.34-60.el9_2.14"), Some(("rhel", "9.2")), Nothing, &[]), MINOR),
    case(STREAMS, &["cve-2023-4813"], rpm("glibc", "0:2.34-90.el9"), Some(("rhel", "9.5")), Nothing, &["CVE-2023-4813"]),
    case(STREAMS, &["cve-2022-50536"], rpm("kernel", "0:5.14.0-162.el9_1"), Some(("rhel", "9.1")), Nothing, &["CVE-2022-50536"]),
    otherwise(case(STREAMS, &["cve-2022-50536"], rpm("kernel", "0:5.14.0-162.6.1.el9_1"), Some(("rhel", "9.1")), Nothing, &[]), MINOR),
    case(STREAMS, &["cve-2022-50536"], rpm("kernel", "0:5.14.0-284.11.1.el9_2"), Some(("rhel", "9.2")), Nothing, &["CVE-2022-50536"]),
    case(STREAMS, &["cve-2022-50536"], rpm("kernel", "0:5.14.0-300.el9_3"), Some(("rhel", "9.3")), Nothing, &["CVE-2022-50536"]),
    case(STREAMS, &["cve-2022-50536"], rpm("kernel", "0:5.14.0-362.8.1.el9_3"), Some(("rhel", "9.3")), Nothing, &[]),
    otherwise(case(STREAMS, &["cve-2015-7979"], rpm("ntp", "0:4.2.6p5-22.el7_2.2"), Some(("rhel", "7.2")), Nothing, &[]), MINOR),
    case(STREAMS, &["cve-2015-7979"], rpm("ntp", "0:4.2.6p5-22.el7_2.1"), Some(("rhel", "7.2")), Nothing, &["CVE-2015-7979"]),
    case(STREAMS, &["cve-2015-7979"], rpm("ntp", "0:4.2.6p5-24.el7"), Some(("rhel", "7.3")), Nothing, &["CVE-2015-7979"]),
    case(STREAMS, &["cve-2015-7979"], rpm("ntp", "0:4.2.6p5-25.el7"), Some(("rhel", "7.3")), Nothing, &[]),
    case(STREAMS, &["cve-2018-3639"], rpm("kernel", "0:2.6.32-754.2.1.el6"), Some(("rhel", "6.10")), Nothing, &[]),
    case(STREAMS, &["cve-2018-3639"], rpm("kernel", "0:2.6.32-754.el6"), Some(("rhel", "6.10")), Nothing, &["CVE-2018-3639"]),
    otherwise(case(STREAMS, &["cve-2018-3639"], rpm("kernel", "0:2.6.32-696.30.1.el6"), Some(("rhel", "6.9")), Nothing, &[]), MINOR),
    case(STREAMS, &["cve-2018-3639"], rpm("kernel", "0:2.6.32-696.el6"), Some(("rhel", "6.9")), Nothing, &["CVE-2018-3639"]),

    case(GO, &["go-2022-0969", "go-2023-1840"], go("stdlib", "go1.18.0"), None, Nothing, &["GO-2022-0969", "GO-2023-1840"]),
    case(GO, &["go-2022-0969", "go-2023-1840"], go("stdlib", "go1.18.6"), None, Nothing, &["GO-2023-1840"]),
    case(GO, &["go-2022-0969", "go-2023-1840"], go("stdlib", "go1.19.0"), None, Nothing, &["GO-2022-0969", "GO-2023-1840"]),
    case(GO, &["go-2022-0969", "go-2023-1840"], go("stdlib", "go1.25.0"), None, Nothing, &[]),
    case(GO, &["go-2023-1840"], go("stdlib", "1.18.7"), None, Nothing, &["GO-2023-1840"]),
    case(GO, &["go-2023-1840"], go("stdlib", "1.19.10"), None, Nothing, &[]),
    case(GO, &["go-2022-0969"], go("golang.org/x/net", "v0.0.0-20220225172249-27dd8689420f"), None, Nothing, &["GO-2022-0969"]),
    case(GO, &["go-2022-0969"], go("golang.org/x/net", "v0.17.0"), None, Nothing, &[]),
    case(ISTIO, &["ghsa-fgw5-hp8f-xfhc"], go("istio.io/istio", "v0.0.0-20220606222826-f59ce19ec6b6"), None, Nothing, &["GHSA-fgw5-hp8f-xfhc"]),
    case(ISTIO, &["ghsa-fgw5-hp8f-xfhc"], go("istio.io/istio", "(devel)"), None, Nothing, &[]),
    otherwise(case(ISTIO, &["nvd/cve-2022-27664"], go("stdlib", "go1.18.3"), None, Cpe("cpe:2.3:a:golang:go:1.18.3:-:*:*:*:*:*:*"), &["CVE-2022-27664"]), CPE),
    case(ISTIO, &["nvd/cve-2022-27664"], go("stdlib", "go1.18.3"), None, Nothing, &[]),

    case(WEBMVC, &["ghsa"], jar("org.springframework:spring-webmvc", "5.3.20"), None, Nothing, &["GHSA-7phw-cxx7-q9vq", "GHSA-r936-gwx5-v52f"]),
    case(SPRING_SECURITY, &["ghsa"], jar("org.springframework.security:spring-security-web", "5.8.16"), None, Nothing, &["GHSA-mf92-479x-3373"]),
    case(SPRING_SECURITY, &["ghsa"], jar("org.springframework.security:spring-security-web", "7.0.4"), None, Nothing, &[]),
    case(SPRING_CORE, &["ghsa"], jar("org.springframework:spring-core", "5.3.39"), None, Nothing, &["GHSA-jmp9-x22r-554x"]),
    case(SPRING_CORE, &["ghsa"], jar("org.springframework:spring-core", "5.3.45"), None, Nothing, &[]),
    case(SCOPES, &["ghsa-67hx-6x53-jw92"], npm("@babel/traverse", "7.20.0"), None, Nothing, &["GHSA-67hx-6x53-jw92"]),
    case(SCOPES, &["ghsa-67hx-6x53-jw92"], npm("babel-traverse", "7.20.0"), None, Nothing, &["GHSA-67hx-6x53-jw92"]),
    case(SCOPES, &["ghsa-67hx-6x53-jw92"], npm("traverse", "7.20.0"), None, Nothing, &[]),
    case(SCOPES, &["ghsa-67hx-6x53-jw92"], npm("@babel/traverse", "7.23.5"), None, Nothing, &[]),
    case(SCOPES, &["ghsa-7xfp-9c55-5vqj", "ghsa-rmvr-2pp2-xj38"], npm("@octokit/request", "9.0.0"), None, Nothing, &["GHSA-rmvr-2pp2-xj38"]),
    case(SCOPES, &["ghsa-7xfp-9c55-5vqj", "ghsa-rmvr-2pp2-xj38"], npm("request", "2.50.0"), None, Nothing, &["GHSA-7xfp-9c55-5vqj"]),
    case(ROOT_NPM, &["ghsa"], npm("http-cache-semantics", "3.8.0"), None, Nothing, &["GHSA-rc47-6667-2j5j"]),
    case(ROOT_NPM, &["ghsa"], npm("http-cache-semantics", "4.1.1"), None, Nothing, &[]),
    case(ROOT_NPM, &["ghsa"], npm("lodash", "4.17.21"), None, Nothing, &[]),
    case(RACK, &["ghsa"], (PackageType::Gem, "rack", "2.2.18"), None, Nothing, &["GHSA-wpv5-97wm-hp9c"]),
    case(RACK, &["ghsa"], (PackageType::Gem, "rack", "2.2.19"), None, Nothing, &[]),
    case(JAVA_SE, &["nvd"], (PackageType::Binary, "java_se", "1.8.0_400"), None,
        Cpe("cpe:2.3:a:oracle:java_se:1.8.0:update400:*:*:*:*:*:*"), &["CVE-2024-20919"]),
];

/// Reads the records of a fixture whose files have one of some names in their paths.
fn read(folder: &Path, wanted: &[&str]) -> Records {
    let mut records = Records::default();
    for path in files(folder) {
        let shown = path.strip_prefix(folder).unwrap().to_str().unwrap().to_ascii_lowercase();
        let is_wanted = wanted.iter().any(|name| name.split('/').all(|part| shown.contains(part)));
        if !is_wanted || !shown.contains("/results/") || path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let item = &record["item"];
        let by_reader = |reader: &str, document: &Value, records: &mut Records| {
            let bytes = serde_json::to_vec(document).unwrap();
            find_reader(reader).read(&Document { path: "record.json", bytes: &bytes }, records);
        };
        match record["schema"].as_str().unwrap() {
            schema if schema.contains("/os/") => records.advisories.push(of_distribution(item)),
            schema if schema.contains("/github-security-advisory/") => records.advisories.push(of_github(item)),
            schema if schema.contains("/osv/") => by_reader("osv", item, &mut records),
            schema if schema.contains("/nvd/") => {
                by_reader("nvd", &serde_json::json!({"vulnerabilities": [item]}), &mut records);
            }
            other => panic!("{shown} is of the form {other}"),
        }
    }
    records
}

fn of_distribution(item: &Value) -> Advisory {
    let stated = &item["Vulnerability"];
    let mut advisory = Advisory { id: stated["Name"].as_str().unwrap().to_owned(), ..Advisory::default() };
    for one in stated["FixedIn"].as_array().unwrap() {
        let (namespace, release) = one["NamespaceName"].as_str().unwrap().split_once(':').unwrap();
        let (release, channel) = match release.strip_suffix("+esm") {
            Some(release) => (release, Channel::EsmInfra),
            None => (release, Channel::Main),
        };
        let ecosystem = match namespace {
            "alpine" => Ecosystem::release(Family::Alpine, release),
            "wolfi" => Ecosystem::new(Family::Wolfi),
            "debian" => Ecosystem::release(Family::Debian, release),
            "ubuntu" => Ecosystem::release(Family::Ubuntu, release),
            "rhel" => Ecosystem::release(Family::RedHat, release),
            other => panic!("{other} is no distribution of the fixtures"),
        };
        let version = one["Version"].as_str().unwrap();
        let (verdict, ranges) = match (one["VulnerableRange"].as_str(), version) {
            (Some(range), _) => (Verdict::Affected(Fix::AsStated), intervals(range)),
            (None, "0") => (Verdict::NotAffected, vec![Interval::ALL]),
            (None, "None") => (Verdict::Affected(Fix::WontFix), vec![Interval::ALL]),
            (None, version) => (
                Verdict::Affected(Fix::AsStated),
                vec![Interval { start: Start::Unbounded, end: End::Fixed(version.to_owned()) }],
            ),
        };
        // A record without a module is about packages of none.
        let module = (namespace == "rhel").then(|| one["Module"].as_str().unwrap_or_default().to_owned());
        advisory.affected.push(Affected {
            package: one["Name"].as_str().unwrap().to_owned(),
            ecosystem,
            named: Named::Source,
            verdict,
            intervals: ranges,
            versions: Vec::new(),
            qualifiers: Qualifiers { channel, module, ..Qualifiers::default() },
            severities: Vec::new(),
        });
    }
    advisory
}

fn of_github(item: &Value) -> Advisory {
    let stated = &item["Advisory"];
    let mut advisory = Advisory { id: stated["ghsaId"].as_str().unwrap().to_owned(), ..Advisory::default() };
    for one in stated["FixedIn"].as_array().unwrap() {
        let ecosystem = Ecosystem::new(match one["ecosystem"].as_str().unwrap() {
            "go" => Family::Go,
            "java" => Family::Maven,
            "npm" => Family::Npm,
            "gem" => Family::RubyGems,
            other => panic!("{other} is no language of the fixtures"),
        });
        // `>= 5.3.0 <= 5.3.44` is written with a comma and without.
        let range = one["range"].as_str().unwrap().replace(", ", " ").replace(" <", ", <");
        advisory.affected.push(Affected {
            package: ecosystem.canonical_name(one["name"].as_str().unwrap()),
            ecosystem,
            named: Named::Binary,
            verdict: Verdict::Affected(Fix::AsStated),
            intervals: intervals(range.trim_start_matches(", ")),
            versions: Vec::new(),
            qualifiers: Qualifiers::default(),
            severities: Vec::new(),
        });
    }
    advisory
}

fn found(database: &Advisories, case: &Case) -> BTreeSet<String> {
    let (package_type, name, version) = case.package;
    let mut component = Component::new(package_type, name, "test", Technique::Document);
    component.version = Some(version.to_owned());
    component.source = Some(SourcePackage { name: name.to_owned(), version: None });
    match case.with {
        Nothing => {}
        Source(source) => component.source = Some(SourcePackage { name: source.to_owned(), version: None }),
        Module(label) => component.module = Some(label.to_owned()),
        Cpe(cpe) => component.cpes = vec![cpe.to_owned()],
    }
    let distribution = case.on.map(|(id, version)| Distribution {
        id: id.to_owned(),
        version_id: Some(version.to_owned()),
        ..Distribution::default()
    });
    let findings = match_component(database, &component, distribution.as_ref()).unwrap();
    let hits = findings.iter().filter(|finding| finding.suppression.is_none()).flat_map(|finding| &finding.hits);
    hits.map(|hit| database.advisory(hit.advisory).unwrap().id.to_owned()).collect()
}

#[test]
fn cases_of_another_matcher_are_decided_by_its_own_records() {
    let Some(bundle) = testkit::bundle("matching/grype-matcher-fixtures") else { return };
    let mut differences = Differences::default();
    let (mut agreed, mut affected) = (0, 0);
    for case in CASES {
        let records = read(&bundle.path().join(case.fixture), case.records);
        assert!(!records.advisories.is_empty(), "{} {:?}", case.fixture, case.records);
        let database = database_of([("fixture", records)]);
        let expected: BTreeSet<String> = case.found.iter().map(ToString::to_string).collect();
        let found = found(&database, case);
        affected += usize::from(!expected.is_empty());
        let (_, name, version) = case.package;
        let release = case.on.map(|(id, version)| format!("{id} {version} ")).unwrap_or_default();
        let what = format!("{release}{name} {version}: {expected:?} there, {found:?} here");
        if found == expected {
            agreed += 1;
            assert!(case.reason.is_none(), "this is no difference any more: {what}");
        } else {
            differences.add(&what, case.reason);
        }
    }
    insta::assert_snapshot!(
        differences
            .report(&format!("{} cases, of which {affected} are affected; {agreed} are decided alike", CASES.len()))
    );
}
