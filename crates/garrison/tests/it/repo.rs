//! Repositories and their tags from the command line.

use crate::Home;
use crate::build::{self, Packing, file};
use crate::hub::{Hub, login};
use crate::sbom::push;

#[test]
fn what_changes_a_tag_says_the_command_that_undoes_it() {
    let home = Home::new();
    let hub = Hub::start(&home, &[]);
    assert!(login(&home, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    let built = |text: &str| build::image(&[vec![file("a", text)]], Packing::Plain, "linux/amd64");
    let (old, new) = (built("old"), built("new"));
    push(&hub, &old, "team/img", "6");
    push(&hub, &new, "team/img", "7");
    let run = |arguments: &[&str]| {
        let told = home.run(arguments);
        assert!(told.starts_with("exit 0\n"), "{arguments:?}: {told}");
        told.replace(&hub.address, "HUB").replace(old.digest(), "OLD").replace(new.digest(), "NEW")
    };
    let undo = |told: &str| {
        let (_, command) = told.split_once("Undo: garrison ").unwrap();
        let command = command.lines().next().unwrap().replace("HUB", &hub.address);
        let command = command.replace("OLD", old.digest()).replace("NEW", new.digest());
        run(&command.split(' ').collect::<Vec<_>>())
    };
    let done = |words: &str| format!("exit 0\n--- stdout\n{words}\n--- stderr\n");

    let deleted = run(&["repo", "delete-tag", "team/img:6"]);
    assert_eq!(deleted, done("Tag team/img:6 deleted. Undo: garrison repo tag team/img@OLD 6"));
    let again = undo(&deleted);
    assert_eq!(again, done("Tag team/img:6 is OLD. Undo: garrison repo delete-tag team/img:6"));
    assert!(run(&["repo", "show", "team/img:6"]).contains("OLD"));
    undo(&again);
    assert!(home.run(&["repo", "show", "team/img:6"]).starts_with("exit 1\n"));

    let moved = run(&["repo", "tag", &format!("{}/team/img@{}", hub.address, old.digest()), "7"]);
    assert_eq!(moved, done("Tag team/img:7 is OLD. Undo: garrison repo tag HUB/team/img@NEW 7"));
    assert!(run(&["repo", "show", "team/img:7"]).contains("OLD"));
    assert_eq!(undo(&moved), done("Tag team/img:7 is NEW. Undo: garrison repo tag HUB/team/img@OLD 7"));
    run(&["repo", "tag", "team/img:7", "stable"]);
    assert!(home.run(&["repo", "tag", "team/img", "stable"]).starts_with("exit 2\n"));
    assert!(home.run(&["repo", "tag", "team/img:none", "stable"]).starts_with("exit 1\n"));
}
