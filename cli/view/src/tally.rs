//! Counts over the whole capture, on a thread of its own: lines that pass the
//! filters, hits of the search among them, and then what each filter matches.
//! One count at a time; a new one ends the one before at the next page.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use crate::archive::{Archive, Cache, Direction, Key, Walk};
use crate::filter::{Judge, Sieve};

/// Places of hits that are kept.
const PLACES: usize = 100_000;
/// Time between two answers.
const PERIOD: Duration = Duration::from_millis(100);

/// What to count.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number; the newest counts.
    pub id: u64,
    /// The capture.
    pub archive: Arc<Archive>,
    /// The filters.
    pub sieve: Arc<Sieve>,
    /// The filters and the search, if there is one.
    pub search: Option<Arc<Sieve>>,
    /// Each filter by itself; none for one that cannot be used.
    pub each: Vec<Option<Sieve>>,
    /// There is one filter, and what it matches is what passes: nothing is read a second time.
    pub same: bool,
}

/// How far a count has come.
#[derive(Debug, Clone)]
pub struct Count {
    /// Number of the job.
    pub id: u64,
    /// Lines that pass the filters.
    pub passing: u64,
    /// Of those, lines that match the search.
    pub hits: u64,
    /// Further places of hits, in order.
    pub places: Vec<Key>,
    /// Everything was looked at.
    pub done: bool,
    /// Lines that each filter matches, looked at so far; counted once the rest is done.
    pub each: Vec<u64>,
    /// All of them were looked at.
    pub each_done: bool,
}

/// Counts until nobody asks; `newest` holds the number of the job that is wanted.
pub fn serve(jobs: &Receiver<Job>, newest: &AtomicU64, tell: impl Fn(Count) -> bool) {
    let (mut cache, mut judges) = (Cache::once(), (Judge::default(), Judge::default()));
    while let Ok(job) = jobs.recv() {
        let stale = || newest.load(Ordering::Acquire) != job.id;
        if stale() {
            continue;
        }
        let outcome = count(&job, &mut cache, &mut judges, &stale, &tell);
        let outcome = outcome.and_then(|counted| match counted {
            Some(so_far) => each(&job, so_far, &mut cache, &stale, &tell),
            None => Ok(false),
        });
        cache.clear();
        if let Ok(false) = outcome {
            return;
        }
    }
}

/// What was counted; none if nobody listens any more.
fn count(
    job: &Job,
    cache: &mut Cache,
    judges: &mut (Judge, Judge),
    stale: &dyn Fn() -> bool,
    tell: &dyn Fn(Count) -> bool,
) -> std::io::Result<Option<Count>> {
    let archive = &*job.archive;
    // Without filters nothing but the search decides which pages are worth reading.
    let chosen = match &job.search {
        Some(search) if job.sieve.is_empty() => search,
        _ => &job.sieve,
    };
    let wanted = |file: usize, page: usize| {
        let source = &archive.files[file];
        source.pages[page].may_grow() || chosen.wants(source, page)
    };
    let so_far =
        Count { id: job.id, passing: 0, hits: 0, places: Vec::new(), done: false, each: Vec::new(), each_done: false };
    let mut kept = 0;
    let looked = look(job, so_far, wanted, cache, stale, tell, |so_far, key, line| {
        let hit = job.search.as_ref().is_some_and(|search| judges.1.passes(search, line));
        so_far.hits += u64::from(hit);
        if hit && kept < PLACES {
            kept += 1;
            so_far.places.push(key);
        }
        so_far.passing += u64::from(!job.sieve.is_empty() && (hit || judges.0.passes(&job.sieve, line)));
    })?;
    Ok(match looked {
        Some((mut so_far, true)) => {
            so_far.done = true;
            tell_on(&mut so_far, tell).then_some(so_far)
        }
        other => other.map(|(so_far, _)| so_far),
    })
}

/// Counts what each filter matches. False if nobody listens any more.
fn each(
    job: &Job,
    so_far: Count,
    cache: &mut Cache,
    stale: &dyn Fn() -> bool,
    tell: &dyn Fn(Count) -> bool,
) -> std::io::Result<bool> {
    if job.each.is_empty() || !so_far.done {
        return Ok(true);
    }
    if job.same {
        return Ok(tell(Count { each: vec![so_far.passing], each_done: true, ..so_far }));
    }
    let archive = &*job.archive;
    let wanted = |file: usize, page: usize| {
        let source = &archive.files[file];
        source.pages[page].may_grow() || job.each.iter().flatten().any(|sieve| sieve.wants(source, page))
    };
    let mut judges: Vec<Judge> = job.each.iter().map(|_| Judge::default()).collect();
    let so_far = Count { each: vec![0; job.each.len()], ..so_far };
    let looked = look(job, so_far, wanted, cache, stale, tell, |so_far, _, line| {
        for ((sieve, judge), count) in job.each.iter().zip(&mut judges).zip(&mut so_far.each) {
            *count += u64::from(sieve.as_ref().is_some_and(|sieve| judge.passes(sieve, line)));
        }
    })?;
    Ok(match looked {
        Some((mut so_far, true)) => {
            so_far.each_done = true;
            tell_on(&mut so_far, tell)
        }
        other => other.is_some(),
    })
}

/// Looks at every line of the wanted pages and tells now and then how far it has come: what was counted, and
/// whether that is all; none if nobody listens any more.
fn look(
    job: &Job,
    mut so_far: Count,
    wanted: impl FnMut(usize, usize) -> bool,
    cache: &mut Cache,
    stale: &dyn Fn() -> bool,
    tell: &dyn Fn(Count) -> bool,
    mut each: impl FnMut(&mut Count, Key, &[u8]),
) -> std::io::Result<Option<(Count, bool)>> {
    let (mut told, mut listening, mut lines) = (Instant::now(), true, 0_u32);
    let mut walk = Walk::new(&job.archive, Key::FIRST, true, Direction::Forward, wanted);
    let done = walk.run(
        cache,
        |_| stale(),
        |key, line| {
            each(&mut so_far, key, line);
            lines += 1;
            if !lines.is_multiple_of(1024) {
                return ControlFlow::Continue(());
            }
            if told.elapsed() > PERIOD {
                told = Instant::now();
                listening = tell_on(&mut so_far, tell);
            }
            if stale() || !listening { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    )?;
    Ok(listening.then(|| (so_far, done && !stale())))
}

/// Tells how far a count has come; places of hits are told once.
fn tell_on(so_far: &mut Count, tell: &dyn Fn(Count) -> bool) -> bool {
    let places = std::mem::take(&mut so_far.places);
    tell(Count { places, ..so_far.clone() })
}
