//! Screens as they were looked at and found good: text, and below it the style
//! of each cell. `LOGTAP_BLESS=1` writes them anew; look at the difference.

use std::collections::BTreeMap;
use std::path::Path;

use logtap_view::draw::theme::Depth;
use logtap_view::state::Options;
use ratatui_core::buffer::Buffer;

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

fn check(name: &str, view: &Driver, depth: Depth) {
    let buffer = view.buffer(depth);
    let shown = format!("{}{}\n{}", rows(&buffer), "=".repeat(usize::from(buffer.area.width)), styles(&buffer));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/view/golden").join(format!("{name}.txt"));
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
    let mut wide = open(&dir, (200, 60));
    wide.keys("|40%");
    check("lanes", &wide, Depth::Sixteen);
    let mut small = open(&dir, (40, 10));
    small.keys("e");
    check("small", &small, Depth::Sixteen);
    small.keys("?");
    check("help", &small, Depth::Sixteen);
}
