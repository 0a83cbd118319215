//! Links to a capture in a bucket: a list of its files with a signed address each, and one signed address of
//! that list. Whoever has it needs nothing else, until it ends.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use logtap_capture::time;
use logtap_manifest::{MANIFEST, MAX_MANIFEST, Manifest, ShareList, SharedFile};

use crate::store::{Condition, Store, Written};
use crate::{Control, Location, RemoteError};

/// No store signs for longer.
pub const MAX_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// What was shared.
#[derive(Debug)]
pub struct Shared {
    /// Address of the list.
    pub url: String,
    /// When it ends, nanoseconds since 1970.
    pub expires: i64,
    /// True if it ends because the credentials that signed it do.
    pub cut_by_credentials: bool,
    /// The files' own addresses.
    pub files: BTreeMap<String, String>,
}

/// Shares the capture at a place for `expires`.
///
/// # Errors
/// If there is none, or no link can be signed.
pub fn share(
    place: &Location,
    expires: Duration,
    allow_unredacted: bool,
    control: Control<'_>,
) -> Result<Shared, RemoteError> {
    control.block_on(&AtomicU64::new(0), async {
        let store = Store::connect(place).await?;
        let manifest = store.small(&place.key(MANIFEST), MAX_MANIFEST).await?;
        let manifest = manifest.ok_or_else(|| RemoteError::NotFound(format!("there is no capture at {place}")))?;
        let manifest = Manifest::parse(&manifest.bytes)?;
        if !allow_unredacted && !manifest.redacted {
            return Err(RemoteError::Usage(format!("{place} was not redacted and is not shared")));
        }
        let (expires, end, cut_by_credentials) = end(expires, store.credentials_end())?;
        let mut files = Vec::new();
        for entry in manifest.files.iter().filter(|entry| allow_unredacted || !entry.path.starts_with("audit")) {
            let signed = store.sign(&place.key(&entry.key()), expires).await?;
            files.push(SharedFile { entry: entry.clone(), url: signed.url });
        }
        let urls = files.iter().map(|file| (file.entry.path.clone(), file.url.clone())).collect();
        let bytes = ShareList::new(manifest.capture_id, time::format(end), files).bytes();
        // Nobody finds it by trying names.
        let key = place.key(&format!("share/{:032x}.json", fastrand::u128(..)));
        match store.put(&key, bytes.into(), &Condition::Absent).await? {
            Written::Done => {}
            Written::Refused => return Err(RemoteError::Network(format!("{key} was there already; try again"))),
        }
        let url = store.sign(&key, expires).await?.url;
        Ok(Shared { url, expires: end, cut_by_credentials, files: urls })
    })
}

/// How long a link lasts, when it ends, and whether the credentials are why.
fn end(wanted: Duration, credentials: Option<SystemTime>) -> Result<(Duration, i64, bool), RemoteError> {
    let now = SystemTime::now();
    let left = credentials.map(|end| end.duration_since(now).unwrap_or_default());
    let (lasts, cut) = match left {
        Some(left) if left < wanted => (Duration::from_secs(left.as_secs()), true),
        _ => (wanted, false),
    };
    if lasts.is_zero() {
        return Err(RemoteError::Permission(
            "the credentials have expired; a link signed by them would not work".to_owned(),
        ));
    }
    let seconds = i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX / time::SECOND);
    Ok((lasts, time::now().saturating_add(seconds.saturating_mul(time::SECOND)), cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_ends_with_the_credentials() {
        let hour = Duration::from_secs(3600);
        let (lasts, _, cut) = end(hour * 24, Some(SystemTime::now() + hour)).unwrap();
        assert!(cut && lasts <= hour && lasts > hour - Duration::from_secs(60));
        assert!(!end(hour, Some(SystemTime::now() + hour * 2)).unwrap().2);
        assert_eq!(end(hour, None).unwrap().0, hour);
        assert!(end(hour, Some(SystemTime::now() - hour)).is_err());
    }
}
