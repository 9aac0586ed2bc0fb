//! The pages in Chromium, light and dark, narrow and wide. The pictures are kept for people to look at.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderValue, header};

use crate::world::World;

const PAGES: &[(&str, &str)] = &[
    ("login", "/login"),
    ("overview", "/"),
    ("project", "/projects/team"),
    ("repository", "/repositories?name=team/api"),
    ("image", "/image?name=team/api&reference=1.4"),
    ("search", "/search?q=api"),
    ("index", "/image?name=team/api&reference=1.4-multi"),
    ("software", "/image?name=team/shop&reference=2.1"),
    ("narrowed", "/image?name=team/shop&reference=2.1&type=npm&license=MIT"),
    ("tree", "/image/dependencies?name=team/shop&reference=2.1"),
    ("components", "/components"),
    ("found", "/components?query=libssl3"),
    ("findings", "/findings"),
    ("vulnerability", "/vulnerability?id=CVE-2021-23337"),
    ("scanned", "/image/findings?name=team/shop&reference=2.1"),
    ("explained", "/image/explanation?name=team/shop&reference=2.1&vulnerability=CVE-2021-23337"),
    ("refused", "/components?query=libssl3&range=%3C%3C"),
];

/// Pages whose addresses are read from another, by what their links are called.
const LINKED: &[(&str, &str)] = &[("component", "<bdi>side-channel</bdi>"), ("differences", "Compare with the hub")];

/// Width and height of the window: the smallest phone's, a desk's, and a wall's.
const SCREENS: &[(u32, u32)] = &[(320, 1500), (1440, 1300), WALL];

/// On which one page is looked at, the densest: a picture of it takes seconds.
const WALL: (u32, u32) = (3840, 2160);
const DENSEST: &str = "image";

/// How many times the bytes of an empty page a picture has that shows something.
const MORE_THAN_EMPTY: usize = 3;

fn is_seen(page: &str, screen: (u32, u32)) -> bool {
    screen != WALL || page == DENSEST
}

struct Shot {
    name: String,
    url: String,
    screen: (u32, u32),
    is_dark: bool,
}

impl Shot {
    /// Takes the picture, in a profile of its own.
    fn take(&self, chromium: &Path, directory: &Path) -> PathBuf {
        let profile = tempfile::tempdir().unwrap();
        let picture = directory.join(format!("{}.png", self.name));
        let (width, height) = self.screen;
        // A preferred colour scheme of 0 is dark, of 1 light.
        let output = browser(chromium, profile.path(), (width, height))
            .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!self.is_dark)))
            .arg(format!("--screenshot={}", picture.display()))
            .arg(&self.url)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        picture
    }
}

/// Returns a browser that shows one page on a screen of this width and height and ends.
fn browser(chromium: &Path, profile: &Path, (width, height): (u32, u32)) -> Command {
    let mut browser = Command::new(chromium);
    // The smallest window that Chromium makes is wider than a phone, a whole screen is as wide as it is said to be.
    browser
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args([format!("--screen-info={{{width}x{height}}}"), "--start-fullscreen".to_owned()])
        .arg(format!("--user-data-dir={}", profile.display()));
    browser
}

/// Reads the size of a picture from its first chunk (PNG specification, section 11.2.1).
fn dimensions(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

/// Serves the pages as one sees them who is logged in, or who is not.
async fn serve(world: &World, session: Option<&str>) -> SocketAddr {
    listen(with_session(world, session)).await
}

fn with_session(world: &World, session: Option<&str>) -> Router {
    let cookie = session.map(|session| HeaderValue::from_str(&format!("garrison_session={session}")).unwrap());
    world.router.clone().layer(from_fn(move |mut request: Request, next: Next| {
        if let Some(cookie) = &cookie {
            request.headers_mut().insert(header::COOKIE, cookie.clone());
        }
        next.run(request)
    }))
}

async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

#[test]
fn pages_can_be_seen_light_and_dark_narrow_and_wide() {
    let Some(chromium) = testkit::program("chromium") else { return };
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let directory = target.join("ui");
    fs::create_dir_all(&directory).unwrap();
    testkit::run(async {
        let world = World::new(testkit::Database::sqlite()).await;
        world.furnish().await;
        let session = world.log_in("admin").await;
        let (outside, inside) = (serve(&world, None).await, serve(&world, Some(&session)).await);
        let narrowed = world.get("/image?name=team/shop&reference=2.1&type=npm", Some(&session)).await;
        let linked: Vec<(&str, String)> =
            LINKED.iter().map(|(name, label)| (*name, crate::components::link(&narrowed.text, label))).collect();
        let pages = || PAGES.iter().copied().chain(linked.iter().map(|(name, path)| (*name, path.as_str())));
        let mut shots = Vec::new();
        for &screen in SCREENS {
            for is_dark in [false, true] {
                let suffix = format!("{}-{}", screen.0, if is_dark { "dark" } else { "light" });
                let shot = |name: &str, url: String| Shot { name: format!("{name}-{suffix}"), url, screen, is_dark };
                shots.push(shot("empty", "about:blank".to_owned()));
                for (name, path) in pages().filter(|(name, _)| is_seen(name, screen)) {
                    let address = if name == "login" { outside } else { inside };
                    shots.push(shot(name, format!("http://{address}{path}")));
                }
            }
        }
        let pictures = tokio::task::spawn_blocking(move || {
            let taken: BTreeMap<String, Vec<u8>> = shots
                .iter()
                .map(|shot| {
                    let png = fs::read(shot.take(&chromium, &directory)).unwrap();
                    let (width, height) = dimensions(&png);
                    assert_eq!(width, shot.screen.0, "{}", shot.name);
                    assert!(height > shot.screen.1 / 2, "{}: {height}", shot.name);
                    (shot.name.clone(), png)
                })
                .collect();
            taken
        });
        let pictures = pictures.await.unwrap();
        for (name, png) in pictures.iter().filter(|(name, _)| !name.starts_with("empty")) {
            let (_, suffix) = name.split_once('-').unwrap();
            let empty = pictures[&format!("empty-{suffix}")].len();
            assert!(
                png.len() > MORE_THAN_EMPTY * empty,
                "{name} shows nothing: {} bytes, an empty page {empty}",
                png.len()
            );
        }
        for (page, _) in pages() {
            for screen in SCREENS.iter().filter(|screen| is_seen(page, **screen)) {
                let picture = |theme: &str| &pictures[&format!("{page}-{}-{theme}", screen.0)];
                assert!(picture("light") != picture("dark"), "{page} is the same in the dark");
            }
        }
    });
}

/// Writes below a page how wide what it says of findings is, and how much of that is seen.
const MEASURE: &str = r#"<script>
const part = document.querySelector('.scroll[aria-label="Findings"]');
document.body.append(`measured ${part.scrollWidth} of ${part.clientWidth}.`);
</script>"#;

async fn measured(request: Request, next: Next) -> Response {
    let (mut parts, body) = next.run(request).await.into_parts();
    let is_page = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return Response::from_parts(parts, body);
    }
    let page = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    for name in [header::CONTENT_SECURITY_POLICY, header::CONTENT_LENGTH] {
        parts.headers.remove(name);
    }
    Response::from_parts(parts, Body::from([&page[..], MEASURE.as_bytes()].concat()))
}

#[test]
fn findings_are_seen_whole_on_a_small_desk() {
    let Some(chromium) = testkit::program("chromium") else { return };
    testkit::run(async {
        let world = World::new(testkit::Database::sqlite()).await;
        world.furnish().await;
        let session = world.log_in("admin").await;
        let address = listen(with_session(&world, Some(&session)).layer(from_fn(measured))).await;
        for page in ["/image?name=team/shop&reference=2.1", "/image/findings?name=team/shop&reference=2.1"] {
            for width in [400, 1100, 1300] {
                let profile = tempfile::tempdir().unwrap();
                let mut browser = browser(&chromium, profile.path(), (width, 900));
                browser.arg("--dump-dom").arg(format!("http://{address}{page}")).stdin(Stdio::null());
                let output = tokio::task::spawn_blocking(move || browser.output()).await.unwrap().unwrap();
                let text = String::from_utf8(output.stdout).unwrap();
                let measured = text.rsplit_once("measured ").and_then(|(_, rest)| rest.split_once('.')).unwrap().0;
                let (whole, seen) = measured.split_once(" of ").unwrap();
                assert_eq!(whole, seen, "{page} at {width}");
            }
        }
    });
}
