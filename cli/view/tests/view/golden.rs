//! Screens as they were looked at and found good: text, and below it the style
//! of each cell. `LOGTAP_BLESS=1` writes them anew; look at the difference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use logtap_view::draw::theme::Depth;
use logtap_view::state::Options;
use ratatui_core::buffer::Buffer;
use ratatui_core::style::Color;

use crate::world::{Driver, rows, usual};

/// The style of each cell as a letter, with the letters explained.
fn styles(buffer: &Buffer) -> String {
    let mut letters: BTreeMap<String, char> = BTreeMap::new();
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = format!("{:?} {:?}", cell.fg, cell.modifier);
            let next = char::from(b'a' + letters.len() as u8);
            let letter = *letters.entry(style).or_insert(next);
            row.push(if cell.symbol() == " " && cell.modifier.is_empty() { ' ' } else { letter });
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    for (style, letter) in letters {
        out.push_str(&format!("{letter}: {style}\n"));
    }
    out
}

pub(crate) fn check(name: &str, view: &Driver, depth: Depth) {
    let buffer = view.buffer(depth);
    let shown = format!("{}{}\n{}", rows(&buffer), "=".repeat(usize::from(buffer.area.width)), styles(&buffer));
    let path = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap())
        .join("tests/view/golden")
        .join(format!("{name}.txt"));
    if std::env::var_os("LOGTAP_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &shown).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == shown, "{name} differs from {}:\n{shown}", path.display());
}

/// The disk figure depends on the compressor's version.
fn open(dir: &Path, size: (u16, u16)) -> Driver {
    let mut view = Driver::open(dir, Options::default(), size);
    view.state.moment.disk = 12_345;
    std::sync::Arc::make_mut(&mut view.state.moment.archive).dir = "/captures/run".into();
    view
}

#[test]
fn screens() {
    let (_folder, dir) = usual(6_000);
    let mut view = open(&dir, (100, 30));
    view.keys("e");
    check("replay", &view, Depth::Sixteen);
    check("mono", &view, Depth::Mono);
    view.keys("<Enter>");
    check("detail", &view, Depth::Sixteen);
    view.keys("<Esc>/slow<Enter>/!completed<Enter>lapp=cart<Enter>");
    check("filter", &view, Depth::Sixteen);
    view.keys("<Esc><Esc><Esc>lapp=cart<Enter>w/tmp/cart");
    check("prompt", &view, Depth::Sixteen);
    let mut wide = open(&dir, (200, 60));
    wide.keys("|40%");
    check("lanes", &wide, Depth::Sixteen);
    let mut small = open(&dir, (40, 10));
    small.keys("e");
    check("small", &small, Depth::Sixteen);
    small.keys("?");
    check("help", &small, Depth::Sixteen);
}

/// A receiver writes: rates, losses and the cap are shown, new lines are followed.
#[test]
fn a_live_screen() {
    let (_folder, dir) = usual(6_000);
    let mut view = open(&dir, (100, 30));
    let mut metadata = (**view.state.moment.metadata.as_ref().unwrap()).clone();
    metadata.started = logtap_capture::time::format(logtap_capture::time::now());
    metadata.max_disk = Some(10 << 30);
    metadata.dropped.insert("overload".to_owned(), 17);
    view.state.moment.metadata = Some(std::sync::Arc::new(metadata));
    view.state.moment.live = true;
    view.state.options.listen = Some("http://127.0.0.1:3100".to_owned());
    (view.state.rate.lines, view.state.rate.bytes) = (301_234.0, 48_000_000.0);
    view.keys("G");
    view.state.sampled = Some((20, 10_041));
    check("live", &view, Depth::Sixteen);
    view.keys("q");
    check("leave", &view, Depth::Sixteen);
}

/// Terminals with a light background: the background is theirs, and no colour is taken that vanishes on it.
#[test]
fn light_backgrounds_stay_as_they_are() {
    let (_folder, dir) = usual(6_000);
    for keys in ["", "e<Enter>", "|?", "/slow<Enter>", "lapp=cart<Enter>", "5j:wr", "c"] {
        let options = Options { baseline: Some("/runs/yesterday".into()), ..Options::default() };
        let mut view = Driver::open(&dir, options, (120, 40));
        view.keys(keys);
        for depth in [Depth::Sixteen, Depth::Many, Depth::True] {
            for cell in view.buffer(depth).content() {
                assert_eq!(cell.bg, Color::Reset, "{keys}: {cell:?}");
                assert!(!matches!(cell.fg, Color::White | Color::Gray | Color::Black), "{keys}: {cell:?}");
            }
        }
        for cell in view.buffer(Depth::Mono).content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{keys}: {cell:?}");
        }
    }
}
