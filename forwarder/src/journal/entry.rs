//! One entry of the journal: a request that is ready to be sent, and how far the containers were read
//! when it was complete; or, at the beginning of a file, the state of all containers.
//!
//! ```text
//! head      magic u32, length of what follows the head u32, number u64, CRC-32 of length, number and the rest u32
//! snapshot  1, boot id, containers
//! batch     2, containers, shares, body
//! ```

use super::codec::{Reader, put, put_bytes};

/// Bytes of the head.
pub(super) const HEAD: usize = 20;
/// What an entry begins with.
const MAGIC: u32 = u32::from_le_bytes(*b"LTJ1");
/// Longest entry that is believed. A batch has about 1 MiB of text and the begun lines of its containers.
const MAX: usize = 64 << 20;

const SNAPSHOT: u64 = 1;
const BATCH: u64 = 2;

/// A container as the journal knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) name: String,
    /// Its name in the protocol.
    pub(crate) source: String,
    /// The number of its next record.
    pub(crate) next: u64,
    /// Whether its last record says that it is over.
    pub(crate) ended: bool,
    /// How far it was read, in its source's own form.
    pub(crate) position: Vec<u8>,
}

/// What a request carries of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) container: String,
    pub(crate) source: String,
    /// Numbers of its records.
    pub(crate) first: u64,
    pub(crate) records: u64,
    /// Lines that begin in them.
    pub(crate) lines: u64,
    /// Times of the first and the last of them, nanoseconds since 1970.
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// What an entry says; a batch's body is what is left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    Snapshot { boot: &'a str, containers: Vec<Known> },
    Batch { containers: Vec<Known>, shares: Vec<Share>, body: &'a [u8] },
}

/// The head of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) number: u64,
    /// Bytes behind the head.
    pub(super) len: usize,
    crc: u32,
}

/// Begins an entry: room for the head, and what stands before the body.
pub(super) fn batch(containers: &[Known], shares: &[Share]) -> Vec<u8> {
    let mut out = vec![0; HEAD];
    put(&mut out, BATCH);
    put_containers(&mut out, containers);
    put(&mut out, shares.len() as u64);
    for share in shares {
        put_bytes(&mut out, share.container.as_bytes());
        put_bytes(&mut out, share.source.as_bytes());
        for value in [share.first, share.records, share.lines, share.from.cast_unsigned(), share.to.cast_unsigned()] {
            put(&mut out, value);
        }
    }
    out
}

/// A whole entry with the state of all containers.
pub(super) fn snapshot(number: u64, boot: &str, containers: &[Known]) -> Vec<u8> {
    let mut out = vec![0; HEAD];
    put(&mut out, SNAPSHOT);
    put_bytes(&mut out, boot.as_bytes());
    put_containers(&mut out, containers);
    seal(&mut out, number);
    out
}

fn put_containers(out: &mut Vec<u8>, containers: &[Known]) {
    put(out, containers.len() as u64);
    for one in containers {
        put_bytes(out, one.name.as_bytes());
        put_bytes(out, one.source.as_bytes());
        put(out, one.next);
        put(out, u64::from(one.ended));
        put_bytes(out, &one.position);
    }
}

/// Fills the head in; the entry is complete.
pub(super) fn seal(entry: &mut [u8], number: u64) {
    let len = u32::try_from(entry.len() - HEAD).expect("an entry is smaller than 4 GiB");
    entry[..4].copy_from_slice(&MAGIC.to_le_bytes());
    entry[4..8].copy_from_slice(&len.to_le_bytes());
    entry[8..16].copy_from_slice(&number.to_le_bytes());
    let crc = sum(&entry[4..16], &entry[HEAD..]);
    entry[16..HEAD].copy_from_slice(&crc.to_le_bytes());
}

fn sum(head: &[u8], rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(rest);
    hasher.finalize()
}

/// Reads a head; `None` where there is none.
pub(super) fn head(bytes: &[u8; HEAD]) -> Option<Head> {
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let len = word(4) as usize;
    let number = u64::from(word(8)) | u64::from(word(12)) << 32;
    (word(0) == MAGIC && len <= MAX).then_some(Head { number, len, crc: word(16) })
}

impl Head {
    /// Whether these bytes are the ones that the head was made for.
    pub(super) fn fits(&self, rest: &[u8]) -> bool {
        let mut head = [0; 12];
        head[..4].copy_from_slice(&(self.len as u32).to_le_bytes());
        head[4..].copy_from_slice(&self.number.to_le_bytes());
        rest.len() == self.len && sum(&head, rest) == self.crc
    }
}

/// Reads what stands behind the head.
pub(super) fn said(rest: &[u8]) -> Option<Said<'_>> {
    let mut reader = Reader(rest);
    match reader.number()? {
        SNAPSHOT => Some(Said::Snapshot { boot: reader.text()?, containers: containers(&mut reader)? }),
        BATCH => {
            let containers = containers(&mut reader)?;
            let count = reader.number()?;
            let mut shares = Vec::new();
            for _ in 0..count {
                shares.push(Share {
                    container: reader.text()?.to_owned(),
                    source: reader.text()?.to_owned(),
                    first: reader.number()?,
                    records: reader.number()?,
                    lines: reader.number()?,
                    from: reader.signed()?,
                    to: reader.signed()?,
                });
            }
            Some(Said::Batch { containers, shares, body: reader.0 })
        }
        _ => None,
    }
}

fn containers(reader: &mut Reader<'_>) -> Option<Vec<Known>> {
    let count = reader.number()?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(Known {
            name: reader.text()?.to_owned(),
            source: reader.text()?.to_owned(),
            next: reader.number()?,
            ended: reader.number()? != 0,
            position: reader.bytes()?.to_vec(),
        });
    }
    Some(all)
}
