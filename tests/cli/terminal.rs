//! The binary on a terminal of its own: keys go in, cells come out.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

/// A program on a terminal.
pub(crate) struct Terminal {
    child: Child,
    master: File,
    slave: File,
    parser: Arc<Mutex<vt100::Parser>>,
    read: Arc<Mutex<Vec<u8>>>,
    reading: Arc<AtomicBool>,
}

impl Terminal {
    /// Starts the program with a terminal of so many columns and rows as the one that controls it.
    pub(crate) fn start(program: &Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave =
            OpenOptions::new().read(true).write(true).open(std::ffi::OsStr::from_bytes(name.to_bytes())).unwrap();
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let mut command = Command::new("setsid");
        command.env_clear().args(["--ctty", "--wait"]).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let end = || Stdio::from(slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let master = File::from(master);
        let count = |n: u16| NonZeroU16::new(n).unwrap();
        let parser = Arc::new(Mutex::new(vt100::Parser::new(count(rows), count(columns), 0)));
        let (read, reading) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(true)));
        let (mut from, into, bytes, goes_on) =
            (master.try_clone().unwrap(), parser.clone(), read.clone(), reading.clone());
        std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || {
                let mut buffer = [0; 4096];
                loop {
                    if !goes_on.load(Ordering::Acquire) {
                        std::thread::sleep(Duration::from_millis(5));
                        continue;
                    }
                    let Ok(count @ 1..) = from.read(&mut buffer) else { return };
                    into.lock().unwrap().process(&buffer[..count]);
                    bytes.lock().unwrap().extend_from_slice(&buffer[..count]);
                }
            })
            .unwrap();
        Self { child, master, slave, parser, read, reading }
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn text(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// What was written to the terminal so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.read.lock().unwrap().clone()
    }

    /// Every cell with its style, row by row.
    pub(crate) fn cells(&self) -> Vec<String> {
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        let cell = |row: u16, column: u16| {
            let cell = screen.cell(row, column).unwrap();
            let blank = matches!(cell.contents(), "" | " ") && !cell.inverse();
            // Nobody sees of what colour or weight a blank is.
            if blank {
                return " ".to_owned();
            }
            let weights = [cell.bold(), cell.dim(), cell.inverse()].map(u8::from);
            format!("{}{:?}{weights:?}", cell.contents(), cell.fgcolor())
        };
        let columns = screen.size().1.get();
        (0..screen.size().0.get()).map(|row| (0..columns).map(|column| cell(row, column)).collect()).collect()
    }

    /// What each cell holds and its colour, row by row.
    pub(crate) fn grid(&self) -> Vec<Vec<(String, String)>> {
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        let cell = |row: u16, column: u16| {
            let cell = screen.cell(row, column).unwrap();
            (cell.contents().to_owned(), format!("{:?}", cell.fgcolor()))
        };
        let columns = screen.size().1.get();
        (0..screen.size().0.get()).map(|row| (0..columns).map(|column| cell(row, column)).collect()).collect()
    }

    /// Number of bytes written to the terminal so far.
    pub(crate) fn written(&self) -> usize {
        self.read.lock().unwrap().len()
    }

    /// Stops or goes on taking what is written.
    pub(crate) fn set_reading(&self, on: bool) {
        self.reading.store(on, Ordering::Release);
    }

    /// Waits until the screen holds a text; how long that took.
    pub(crate) fn wait_for(&self, text: &str) -> Duration {
        let begun = Instant::now();
        while !self.text().contains(text) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{text:?} does not come:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(1));
        }
        begun.elapsed()
    }

    /// How the terminal treats what is typed, and the modes that programs leave behind.
    pub(crate) fn modes(&self) -> (String, bool, bool, bool, bool) {
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        (
            treatment(&tcgetattr(&self.slave).unwrap()),
            screen.alternate_screen(),
            screen.hide_cursor(),
            screen.bracketed_paste(),
            screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
        )
    }

    /// Waits for the end of the program; its exit code.
    pub(crate) fn end(&mut self, within: Duration) -> i32 {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.take_all();
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until everything that was written has been taken, where that goes on.
    fn take_all(&self) {
        const LAST: &[u8] = b"\x1b]9;all\x07";
        if !self.reading.load(Ordering::Acquire) {
            return;
        }
        (&self.slave).write_all(LAST).unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        while !self.read.lock().unwrap().ends_with(LAST) {
            assert!(Instant::now() < until, "the terminal takes nothing any more:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Number of the program's process: `setsid` becomes the program.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

fn treatment(termios: &Termios) -> String {
    format!(
        "{:?} {:?} {:?} {:?}",
        termios.input_modes, termios.output_modes, termios.local_modes, termios.control_modes
    )
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.reading.store(true, Ordering::Release);
        // Fails only for what has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
