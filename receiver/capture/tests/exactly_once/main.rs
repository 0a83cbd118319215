//! The protocol of `docs/protocol.md` as a state machine: senders with a
//! journal, a network that loses, repeats and delays, and the real capture on
//! a disk that dies at any operation. Whatever the order of steps, every
//! record is in the capture once and in order, or inside a gap mark.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod receiver;
mod sender;
#[path = "../support/mod.rs"]
mod support;

use proptest::prelude::*;
use receiver::Receiver;
use sender::{Request, Sender};
use support::Death;

/// What happens next. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    /// The sender reads so many lines of each source into one journal entry.
    Read(u8, u8),
    /// Lines that the sender could not keep become a gap.
    Overflow(u8),
    /// The oldest entry that is not acknowledged goes out, whole or in two.
    Send { halves: bool },
    /// Requests under way reach the receiver together, perhaps again and again.
    Deliver { first: u8, group: u8, keep: bool },
    /// An answer reaches the sender.
    Answer(u8),
    /// A request or answer is lost.
    Lose(u8),
    /// The oldest entry goes to another receiver.
    Elsewhere,
    /// The target refuses the oldest entry for good.
    Refuse,
    /// `kill -9` of the sender.
    KillSender { forgets_ack: bool },
    /// `kill -9` of the receiver in one of its next operations on the disk.
    KillReceiver { after: u8, death: Death },
    /// The receiver ends in order and is started again.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let death = prop_oneof![Just(Death::Before), Just(Death::Halfway), Just(Death::After)];
    prop_oneof![
        4 => (0..40u8, 0..4u8).prop_map(|(a, b)| Step::Read(a, b)),
        1 => (1..9u8).prop_map(Step::Overflow),
        8 => any::<bool>().prop_map(|halves| Step::Send { halves }),
        8 => (any::<u8>(), 1..4u8, any::<bool>()).prop_map(|(first, group, keep)| Step::Deliver { first, group, keep }),
        8 => any::<u8>().prop_map(Step::Answer),
        2 => any::<u8>().prop_map(Step::Lose),
        1 => Just(Step::Elsewhere),
        1 => Just(Step::Refuse),
        2 => any::<bool>().prop_map(|forgets_ack| Step::KillSender { forgets_ack }),
        3 => (0..6u8, death).prop_map(|(after, death)| Step::KillReceiver { after, death }),
        1 => Just(Step::Restart),
    ]
}

fn run(steps: &[Step]) {
    let dir = support::tempdir();
    let mut receiver = Receiver::open(dir.path());
    let mut sender = Sender::default();
    let mut requests: Vec<Request> = Vec::new();
    let mut answers: Vec<Request> = Vec::new();
    for step in steps {
        match *step {
            Step::Read(first, second) => sender.read([first.into(), second.into()]),
            Step::Overflow(lines) => sender.overflow(lines.into()),
            Step::Send { halves } => requests.extend(sender.send(halves)),
            Step::Deliver { first, group, keep } => {
                let count = usize::from(group).min(requests.len());
                let from = usize::from(first) % (requests.len() - count + 1);
                let group: Vec<Request> = requests[from..from + count].to_vec();
                if !keep {
                    requests.drain(from..from + count);
                }
                if receiver.take(&group) {
                    answers.extend(group);
                }
            }
            Step::Answer(which) if !answers.is_empty() => {
                let at = usize::from(which) % answers.len();
                sender.answered(&answers.swap_remove(at));
            }
            Step::Lose(which) => {
                let lost = if which % 2 == 0 { &mut requests } else { &mut answers };
                if !lost.is_empty() {
                    lost.swap_remove(usize::from(which / 2) % lost.len());
                }
            }
            Step::Elsewhere => sender.elsewhere(),
            Step::Refuse => sender.refused(),
            Step::KillSender { forgets_ack } => sender.killed(forgets_ack),
            Step::KillReceiver { after, death } => receiver.will_die(after.into(), death),
            Step::Restart => receiver.restart(),
            Step::Answer(_) => {}
        }
    }
    while let Some(request) = sender.send(false).pop() {
        if receiver.take(std::slice::from_ref(&request)) {
            sender.answered(&request);
        }
    }
    // A stale copy may come whenever it likes.
    receiver.take(&requests);
    let sources = receiver.close();
    sender.check(&support::independent_lines(dir.path()), &sources);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_kept_once(steps in proptest::collection::vec(step(), 1..120)) {
        run(&steps);
    }
}
