//! Label sets by the bytes they came in: parsed and redacted once, shared from
//! then on. Bounded, so that a million distinct sets cost time and not memory.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use logtap_capture::labels::{LabelSet, Labels as Interned, MARK};
use logtap_push::{LabelForm, Labels};

use crate::identity::Pod;
use crate::redaction::Redaction;

/// Sets remembered; all are forgotten when there are more.
const MAX_SETS: usize = 16_384;
/// Why labels are altered that say of lines what only logtap's own marks may say.
const LABEL_RESERVED: &str = "label_reserved";
/// Bytes of keys remembered.
const MAX_BYTES: usize = 8 << 20;

#[derive(Debug, Default)]
pub(crate) struct Interner(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    sets: HashMap<(LabelForm, Vec<u8>), Entry, foldhash::fast::RandomState>,
    bytes: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) labels: Interned,
    /// The labels of a mark: the sender's own, where they say that.
    pub(crate) mark: Option<Interned>,
    /// Reasons for which the labels were altered.
    pub(crate) altered: Arc<[(&'static str, u64)]>,
}

impl Default for Entry {
    fn default() -> Self {
        Self { labels: Arc::new(LabelSet::new([])), mark: None, altered: Arc::default() }
    }
}

/// A key that is looked up without being copied.
#[derive(Hash)]
struct Key<'a>(LabelForm, &'a [u8]);

impl hashbrown::Equivalent<(LabelForm, Vec<u8>)> for Key<'_> {
    fn equivalent(&self, key: &(LabelForm, Vec<u8>)) -> bool {
        self.0 == key.0 && self.1 == key.1
    }
}

impl Interner {
    /// The set for these bytes; names and values are redacted.
    pub(crate) fn intern(&self, labels: Labels<'_>, sender: Option<&Pod>, redaction: &mut Redaction<'_>) -> Entry {
        let (form, bytes) = labels.key();
        // What a sender says about itself means another thing with each sender.
        let mut owned: Vec<u8>;
        let bytes = match sender {
            None => bytes,
            Some(pod) => {
                owned = bytes.to_vec();
                owned.extend([b"\0", pod.namespace.as_bytes(), b"/", pod.name.as_bytes()].concat());
                owned.as_slice()
            }
        };
        if let Some(entry) = self.lock().sets.get(&Key(form, bytes)) {
            return entry.clone();
        }
        let parsed = labels.parse();
        let mut pairs: Vec<(String, String)> = Vec::with_capacity(parsed.pairs.len());
        for (name, value) in parsed.pairs {
            let name = redaction.apply_name(&name, |known| pairs.iter().any(|(other, _)| other == known)).into_owned();
            pairs.push((name, redaction.apply_owned(value)));
        }
        for (name, known) in sender.into_iter().flat_map(|pod| [("namespace", &pod.namespace), ("pod", &pod.name)]) {
            pairs.retain(|(other, _)| other != name);
            pairs.push((name.to_owned(), redaction.apply_owned(known.clone())));
        }
        let mut altered: Vec<(&'static str, u64)> =
            parsed.altered.iter().map(|(reason, n)| (reason.name(), n)).collect();
        let mut labels = LabelSet::new(pairs);
        let mut mark = None;
        if labels.is_mark() {
            // Lines must not pass for marks: as Prometheus does it with labels of its own.
            let renamed = labels.pairs().iter().map(|(name, value)| {
                let name = if name == MARK { format!("exported_{MARK}") } else { name.clone() };
                (name, value.clone())
            });
            let renamed = LabelSet::new(renamed);
            mark = Some(Arc::new(std::mem::replace(&mut labels, renamed)));
            altered.push((LABEL_RESERVED, 1));
        }
        let entry = Entry { labels: Arc::new(labels), mark, altered: altered.into() };
        let mut table = self.lock();
        if table.sets.len() >= MAX_SETS || table.bytes + bytes.len() > MAX_BYTES {
            table.sets.clear();
            table.bytes = 0;
        }
        if bytes.len() <= MAX_BYTES / 16 {
            table.bytes += bytes.len();
            table.sets.insert((form, bytes.to_vec()), entry.clone());
        }
        entry
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
