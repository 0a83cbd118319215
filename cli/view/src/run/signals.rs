//! Signals and keys become events, each on a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::Sender;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::{Handle, Signals};

use super::Event;

/// Sends INT, TERM, HUP and TSTP as events until the handle is closed.
/// `last` holds the last of INT, TERM and HUP.
pub(super) fn listen(events: Sender<Event>, last: Arc<AtomicI32>) -> io::Result<Handle> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM, SIGTSTP])?;
    let handle = signals.handle();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if signal != SIGTSTP {
                last.store(signal, Ordering::Release);
            }
            if events.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    })?;
    Ok(handle)
}

/// Sends what is typed until the terminal ends.
pub(super) fn read_input(events: Sender<Event>) -> io::Result<()> {
    std::thread::Builder::new().name("input".to_owned()).spawn(move || {
        loop {
            match crossterm::event::read() {
                Ok(input) => {
                    if events.send(Event::Input(input)).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // Nobody is left to tell if this fails.
                    drop(events.send(Event::InputEnded));
                    return;
                }
            }
        }
    })?;
    Ok(())
}
