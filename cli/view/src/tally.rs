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
    let mut walk = Walk::new(archive, Key::FIRST, true, Direction::Forward, wanted);
    let mut so_far =
        Count { id: job.id, passing: 0, hits: 0, places: Vec::new(), done: false, each: Vec::new(), each_done: false };
    let mut kept = 0;
    let (mut told, mut listening, mut lines) = (Instant::now(), true, 0_u32);
    let done = walk.run(cache, stale, |key, line| {
        let hit = job.search.as_ref().is_some_and(|search| judges.1.passes(search, line));
        so_far.hits += u64::from(hit);
        if hit && kept < PLACES {
            kept += 1;
            so_far.places.push(key);
        }
        so_far.passing += u64::from(!job.sieve.is_empty() && (hit || judges.0.passes(&job.sieve, line)));
        lines += 1;
        if lines.is_multiple_of(1024) {
            if stale() {
                return ControlFlow::Break(());
            }
            if told.elapsed() > PERIOD {
                told = Instant::now();
                listening = tell(Count { places: std::mem::take(&mut so_far.places), ..so_far.clone() });
                if !listening {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    if done && listening && !stale() {
        so_far.done = true;
        listening = tell(Count { places: std::mem::take(&mut so_far.places), ..so_far.clone() });
    }
    Ok(listening.then_some(so_far))
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
    let archive = &*job.archive;
    let wanted = |file: usize, page: usize| {
        let source = &archive.files[file];
        source.pages[page].may_grow() || job.each.iter().flatten().any(|sieve| sieve.wants(source, page))
    };
    let mut judges: Vec<Judge> = job.each.iter().map(|_| Judge::default()).collect();
    let mut so_far = Count { each: vec![0; job.each.len()], ..so_far };
    let (mut told, mut listening, mut lines) = (Instant::now(), true, 0_u32);
    let mut walk = Walk::new(archive, Key::FIRST, true, Direction::Forward, wanted);
    let done = walk.run(cache, stale, |_, line| {
        for ((sieve, judge), count) in job.each.iter().zip(&mut judges).zip(&mut so_far.each) {
            *count += u64::from(sieve.as_ref().is_some_and(|sieve| judge.passes(sieve, line)));
        }
        lines += 1;
        if lines.is_multiple_of(1024) {
            if stale() {
                return ControlFlow::Break(());
            }
            if told.elapsed() > PERIOD {
                told = Instant::now();
                listening = tell(so_far.clone());
                if !listening {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    if done && listening && !stale() {
        so_far.each_done = true;
        listening = tell(so_far);
    }
    Ok(listening)
}
