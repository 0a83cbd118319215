//! Which masked message each line has, in order; lines of a trace have that of
//! the line that they follow.

use hashbrown::HashMap;
use logtap_capture::labels::LabelSet;
use logtap_capture::line;

use super::{fold, key, message};

type Fast = foldhash::fast::FixedState;

/// The lines of a piece.
#[derive(Debug, Default)]
pub struct Assigned {
    /// For each line the hash of its masked message, or, if it goes on with a
    /// trace from before the piece, its stream. Blank lines and lines that are
    /// no log lines are left out.
    pub lines: Vec<Result<u64, u64>>,
    /// The last masked message of each stream.
    pub heads: Vec<(u64, u64)>,
}

/// Reads pieces; one per thread.
#[derive(Debug, Default)]
pub struct Assigner {
    streams: HashMap<Box<[u8]>, u64, Fast>,
    scratch: Vec<u8>,
    inner: Vec<u8>,
}

impl Assigner {
    /// Places whole lines.
    pub fn lines(&mut self, lines: &[u8]) -> Assigned {
        let mut found = Assigned::default();
        let mut states: HashMap<u64, (fold::Mode, Option<u64>), Fast> = HashMap::default();
        for text in lines.split(|byte| *byte == b'\n').filter(|text| !text.is_empty() && *text != b"\r") {
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
                let fields = message::fields(text.as_bytes(), &mut self.inner);
                let digest = fields.as_ref().map_or_else(|| key::digest(text.as_bytes()), message::Fields::digest);
                *head = Some(digest.hash);
            }
            found.lines.push(head.ok_or(stream));
        }
        found.heads = states.into_iter().filter_map(|(stream, (_, head))| Some((stream, head?))).collect();
        found
    }
}
