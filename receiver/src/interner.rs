//! Label sets by the bytes they came in: parsed and redacted once, shared from
//! then on. Bounded, so that a million distinct sets cost time and not memory.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use logtap_capture::labels::{LabelSet, Labels as Interned};
use logtap_push::{LabelForm, Labels};

use crate::redaction::Redaction;

/// Sets remembered; all are forgotten when there are more.
const MAX_SETS: usize = 16_384;
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
    /// Reasons for which the labels were altered.
    pub(crate) altered: Arc<[(&'static str, u64)]>,
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
    pub(crate) fn intern(&self, labels: Labels<'_>, redaction: &mut Redaction<'_>) -> Entry {
        let (form, bytes) = labels.key();
        if let Some(entry) = self.lock().sets.get(&Key(form, bytes)) {
            return entry.clone();
        }
        let parsed = labels.parse();
        let mut pairs: Vec<(String, String)> = Vec::with_capacity(parsed.pairs.len());
        for (name, value) in parsed.pairs {
            let name = redaction.apply_name(&name, |known| pairs.iter().any(|(other, _)| other == known)).into_owned();
            pairs.push((name, redaction.apply_owned(value)));
        }
        let entry = Entry {
            labels: Arc::new(LabelSet::new(pairs)),
            altered: parsed.altered.iter().map(|(reason, n)| (reason.name(), n)).collect(),
        };
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
