//! Which masked message each line has, in order; lines of a trace have that of
//! the line that they follow.

use hashbrown::HashMap;
use logtap_capture::labels::LabelSet;
use logtap_capture::line;

use super::merge::{self, Masked};
use super::{fold, key, message};
use crate::mine::Templates;

type Fast = foldhash::fast::FixedState;

/// The template of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// That of a masked message which was kept, by its hash.
    Kept(u64),
    /// Its masked message is one of too many: that message by itself, joined with no other.
    Own(String),
}

/// Where a line of a piece stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It has a template, or goes on with a line that has: place in [`Assigned::templates`].
    At(usize),
    /// It goes on with a trace of this stream from before the piece.
    Before(u64),
}

/// The lines of a piece.
#[derive(Debug, Default)]
pub struct Assigned {
    /// Each line. Blank lines and lines that are no log lines are left out.
    pub lines: Vec<Place>,
    /// Templates of the lines that begin something.
    pub templates: Vec<Template>,
    /// The last line of each stream that began something: its place in `templates`.
    pub heads: Vec<(u64, usize)>,
}

/// Reads pieces; one per thread.
#[derive(Debug)]
pub struct Assigner<'t> {
    kept: &'t Templates,
    streams: HashMap<Box<[u8]>, u64, Fast>,
    scratch: Vec<u8>,
    inner: Vec<u8>,
}

/// Streams remembered per thread.
const MAX_STREAMS: usize = 50_000;

impl<'t> Assigner<'t> {
    /// Assigns the templates of messages that were kept.
    #[must_use]
    pub fn new(kept: &'t Templates) -> Self {
        Self { kept, streams: HashMap::default(), scratch: Vec::new(), inner: Vec::new() }
    }

    /// Places whole lines.
    pub fn lines(&mut self, lines: &[u8]) -> Assigned {
        let mut found = Assigned::default();
        let mut states: HashMap<u64, (fold::Mode, Option<usize>), Fast> = HashMap::default();
        if self.streams.len() > MAX_STREAMS {
            self.streams.clear();
        }
        for text in line::lines(lines).filter(|text| *text != b"\r") {
            let Ok(parts) = line::split(text) else { continue };
            let stream = match self.streams.get(&parts.labels[..]) {
                Some(stream) => *stream,
                None => {
                    let labels = LabelSet::new(line::object_pairs(&parts.labels));
                    let stream = key::hash_bytes(2, labels.json());
                    self.streams.insert(parts.labels.as_ref().into(), stream);
                    stream
                }
            };
            let text = line::decode(&parts.message, &mut self.scratch);
            let (mode, head) = states.entry(stream).or_default();
            if fold::place(&text, mode) == fold::Part::Head {
                found.templates.push(template(self.kept, text.as_bytes(), &mut self.inner));
                *head = Some(found.templates.len() - 1);
            }
            found.lines.push(head.map_or(Place::Before(stream), Place::At));
        }
        found.heads = states.into_iter().filter_map(|(stream, (_, head))| Some((stream, head?))).collect();
        found
    }
}

fn template(kept: &Templates, text: &[u8], inner: &mut Vec<u8>) -> Template {
    let fields = message::fields(text, inner);
    let digest = fields.as_ref().map_or_else(|| key::digest(text), message::Fields::digest);
    if kept.contains_key(&digest.hash) {
        return Template::Kept(digest.hash);
    }
    let key = fields.as_ref().map_or_else(|| key::build(text), message::Fields::build);
    Template::Own(merge::templates(&[Masked { key: &key, varied: 0 }]).pop().unwrap_or_default())
}
