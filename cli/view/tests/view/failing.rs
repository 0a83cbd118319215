//! A view that fails in drawing gives the terminal back and says what happened.

use std::process::Command;
use std::time::Duration;

use logtap_capture::reader::Capture;
use logtap_view::run::{ViewError, run_watched};
use logtap_view::state::Options;

use crate::terminal::Terminal;
use crate::world::usual;

const DIR: &str = "LOGTAP_TEST_FAILING_VIEW";

/// The program on the terminal of the test below: this one, and in it this test alone.
#[test]
#[ignore = "run on a terminal by the test below"]
fn fails_at_the_third_frame() {
    let dir = std::env::var_os(DIR).unwrap();
    let mut frames = 0;
    let outcome = run_watched(
        Capture::open(dir.as_ref()).unwrap(),
        Options::default(),
        None,
        || false,
        |_| (),
        move |_| {
            frames += 1;
            assert!(frames < 3, "planted in drawing");
        },
    );
    let Err(ViewError::Panic(said)) = outcome else { panic!("it ended with {outcome:?}") };
    println!("view failed: {said}");
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    let (_folder, dir) = usual(300);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(DIR, &dir).env("TERM", "xterm").env("PATH", "/usr/bin:/bin");
    command.args(["failing::fails_at_the_third_frame", "--exact", "--ignored", "--nocapture"]);
    let mut terminal = Terminal::start(&command, 80, 24);
    terminal.wait_for("REPLAY");
    assert!(terminal.modes().1);
    for _ in 0..4 {
        terminal.keys("j");
        std::thread::sleep(Duration::from_millis(60));
    }
    assert_eq!(terminal.end(Duration::from_secs(5)), 0, "{}", terminal.text());
    let text = terminal.text();
    assert!(text.contains("view failed:") && text.contains("planted in drawing"), "{text}");
    let mut idle = Command::new("true");
    idle.env("PATH", "/usr/bin:/bin");
    let fresh = Terminal::start(&idle, 80, 24);
    assert_eq!(terminal.modes(), fresh.modes());
}
