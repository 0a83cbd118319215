//! A journal that is killed at any moment: what was appended is sent, in order and with the same
//! numbers, and what was not leaves no trace.

use std::fs;

use proptest::prelude::*;

use super::*;

const ROOM: u64 = 64 << 20;

fn open(dir: &Path) -> Journal {
    Journal::open(dir, "boot".to_owned(), ROOM, Rc::new(Report::default()))
}

/// Puts a request with one record of container `app` into the journal.
fn append(journal: &mut Journal, text: &str) -> u64 {
    let known = journal.container("app").clone();
    let share = Share {
        container: known.name.clone(),
        source: known.source.clone(),
        first: known.next,
        records: 1,
        lines: 1,
        from: 0,
        to: 0,
    };
    let position = format!("behind {}", &text[..text.len().min(6)]).into_bytes();
    journal.append(vec![Known { next: known.next + 1, position, ..known.clone() }], vec![share], text.as_bytes());
    known.next
}

fn text(ready: &Ready) -> String {
    String::from_utf8(snap::raw::Decoder::new().decompress_vec(&ready.body).unwrap()).unwrap()
}

/// Everything that waits, with its number in the protocol, from a journal that is then lost.
fn rest(mut journal: Journal) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    while let Some(ready) = journal.next() {
        all.push((ready.shares[0].first, text(&ready)));
        journal.acknowledge(&ready);
    }
    all
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap().flatten() {
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    to
}

#[test]
fn a_kill_between_any_two_steps_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    let (mut waiting, mut last) = (VecDeque::new(), 0);
    for step in 0..300_u64 {
        if step % 5 < 3 {
            last = step;
            // Long enough that segments come and go.
            let text = format!(
                "{step} {}",
                "x".repeat(usize::try_from(fastrand::Rng::with_seed(step).u64(..200_000)).unwrap())
            );
            waiting.push_back((append(&mut journal, &text), text));
        } else if let Some(ready) = journal.next() {
            assert_eq!(Some((ready.shares[0].first, text(&ready))), waiting.pop_front());
            journal.acknowledge(&ready);
        }
        if step % 7 == 0 {
            let copy = copy(dir.path());
            let mut again = open(copy.path());
            let position = String::from_utf8(again.container("app").position.clone()).unwrap();
            assert!(position.starts_with(&format!("behind {last} ")));
            assert_eq!(again.bytes(), journal.bytes());
            assert_eq!(VecDeque::from(rest(again)), waiting);
        }
        if step % 50 == 49 {
            journal = open(dir.path());
        }
    }
}

#[test]
fn an_entry_that_was_cut_anywhere_was_never_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    append(&mut journal, "one");
    let file = fs::read_dir(dir.path()).unwrap().flatten().find(|one| one.file_name() != "acked").unwrap().path();
    let before = fs::metadata(&file).unwrap().len();
    append(&mut journal, "two");
    drop(journal);
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        let copy = copy(dir.path());
        fs::write(copy.path().join(file.file_name().unwrap()), &whole[..length]).unwrap();
        let mut again = open(copy.path());
        let known = again.container("app").clone();
        if length as u64 >= before {
            assert_eq!((known.next, known.position.as_slice()), (2, &b"behind one"[..]), "cut at {length}");
            assert_eq!(append(&mut again, "second"), 2);
            drop(again);
            let all = [(1, "one".to_owned()), (2, "second".to_owned())];
            assert_eq!(rest(open(copy.path())), all, "cut at {length}");
        } else {
            assert_eq!((known.next, known.position.len()), (1, 0), "cut at {length}");
            assert!(again.next().is_none());
        }
    }
}

#[test]
fn a_restarted_node_means_new_names_and_the_same_positions() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    append(&mut journal, "one");
    let before = journal.container("app").clone();
    drop(journal);
    for _ in 0..2 {
        let mut again = Journal::open(dir.path(), "another".to_owned(), ROOM, Rc::new(Report::default()));
        let after = again.container("app").clone();
        assert_ne!(after.source, before.source);
        assert_eq!((after.next, &after.position), (1, &before.position));
        let ready = again.next().unwrap();
        assert_eq!((text(&ready).as_str(), ready.shares[0].source.as_str()), ("one", before.source.as_str()));
    }
}

#[test]
fn names_are_valid_and_say_whose_they_are() {
    let long = "a-very-long-name-of-a-container-that-goes-on-and-on-to-the-limit";
    for container in ["app", long] {
        let source = source_name(container);
        assert!(source.len() <= MAX_SOURCE && source.contains("/a"), "{source}");
        assert!(logtap_push::sequence::Sequence { source: &source, first: 1, mark: None }.is_valid());
        assert_ne!(source, source_name(container));
    }
}

#[test]
fn files_are_private_and_go_when_nobody_needs_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..20 {
        let text: String = (0..1 << 20).map(|_| char::from(random.u8(32..127))).collect();
        append(&mut journal, &text);
        let ready = journal.next().unwrap();
        journal.acknowledge(&ready);
    }
    let files: Vec<_> = fs::read_dir(dir.path()).unwrap().flatten().collect();
    let size: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(size < 2 * segment::SEGMENT, "{size}");
    assert!(files.iter().all(|file| file.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
    assert_eq!(journal.bytes(), 0);
}

#[test]
fn room_is_limited_on_disk_and_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let text: String = (0..1 << 20).map(|_| char::from(random.u8(32..127))).collect();
    for (dir, most) in [(dir.path(), 8), (Path::new("/proc/nowhere"), 4)] {
        let mut journal = Journal::open(dir, String::new(), 8 << 20, Rc::new(Report::default()));
        let mut count = 0;
        while journal.has_room() {
            append(&mut journal, &text);
            count += 1;
        }
        assert!((most..=most + 2).contains(&count), "{count} in {}", dir.display());
        let ready = journal.next().unwrap();
        journal.acknowledge(&ready);
        assert_eq!(rest(journal).len(), count - 1);
    }
}

#[test]
fn a_full_disk_is_gone_around_and_the_names_are_new_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    append(&mut journal, "one");
    let source = journal.container("app").source.clone();
    // A folder that is gone refuses new files as a full disk does.
    journal.disk.as_mut().unwrap().turn();
    let away = dir.path().with_extension("away");
    fs::rename(dir.path(), &away).unwrap();
    append(&mut journal, "two");
    append(&mut journal, "three");
    fs::rename(&away, dir.path()).unwrap();
    let killed = copy(dir.path());
    assert_ne!(open(killed.path()).container("app").source, source, "two may have been sent");
    let ready = journal.next().unwrap();
    journal.acknowledge(&ready);
    append(&mut journal, "four");
    assert!(journal.held.iter().all(|one| !one.on_disk), "in order");
    assert_eq!(journal.containers[0].next, 5);
    for expected in ["two", "three", "four"] {
        let ready = journal.next().unwrap();
        assert_eq!(text(&ready), expected);
        journal.acknowledge(&ready);
    }
    append(&mut journal, "five");
    drop(journal);
    let mut again = open(dir.path());
    assert_eq!(again.container("app").source, source, "the files are complete again");
    assert_eq!(rest(again), [(5, "five".to_owned())]);
}

proptest! {
    /// Whatever stands in the files, opening them neither panics nor invents anything.
    #[test]
    fn damage_is_survived(at in any::<proptest::sample::Index>(), bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path());
        let texts: Vec<String> = (0..4).map(|n| format!("text {n}")).collect();
        for text in &texts {
            append(&mut journal, text);
        }
        drop(journal);
        let file = fs::read_dir(dir.path()).unwrap().flatten().find(|one| one.file_name() != "acked").unwrap().path();
        let mut damaged = fs::read(&file).unwrap();
        let at = at.index(damaged.len());
        for (to, byte) in damaged[at..].iter_mut().zip(&bytes) {
            *to = *byte;
        }
        fs::write(&file, &damaged).unwrap();
        for (at, (number, text)) in rest(open(dir.path())).into_iter().enumerate() {
            prop_assert_eq!((number, &text), (at as u64 + 1, &texts[at]));
        }
    }
}
