//! The stretch of time that a command is asked for.

use logtap_capture::chunk::Span;
pub(crate) use logtap_capture::when::{When, duration};

use crate::error::{CliError, Kind};

/// The ends of `--from` and `--to`; `range` is asked for only if one of them depends on the capture.
///
/// # Errors
/// Those of `range`; if an end depends on a capture without times, or they are the wrong way round.
pub(crate) fn between(
    from: Option<When>,
    to: Option<When>,
    range: impl FnOnce() -> Result<Span, CliError>,
) -> Result<(Option<i64>, Option<i64>), CliError> {
    let relative = [from, to].into_iter().flatten().any(When::is_relative);
    let range = if relative { range()? } else { Span::default() };
    let resolve = |when: Option<When>| {
        when.map(|when| when.resolve(range)).transpose().map_err(|error| CliError::new(Kind::Usage, error))
    };
    let (from, to) = (resolve(from)?, resolve(to)?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(CliError::usage("--from is later than --to"));
    }
    Ok((from, to))
}
