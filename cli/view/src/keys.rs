//! The keymap: which key does what, where, in one table that help and tests read.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key, or a line of the palette, does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the table below says in words what each does")]
pub enum Action {
    Down,
    Up,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Follow,
    Search,
    NextHit,
    PreviousHit,
    SearchWord,
    Matches,
    MoreContext,
    LessContext,
    Hide,
    Keep,
    Label,
    NextError,
    PreviousError,
    NextChange,
    PreviousChange,
    Time,
    SetMark,
    GoMark,
    Percent,
    MinuteBack,
    MinuteOn,
    Left,
    Right,
    FarLeft,
    FarRight,
    Wrap,
    Detail,
    Changes,
    Histogram,
    ZoomIn,
    ZoomOut,
    Lanes,
    Utc,
    Delta,
    Filters,
    FiltersOff,
    CopyCommand,
    Save,
    Select,
    CopyLine,
    Pin,
    Pause,
    Faster,
    Slower,
    StepOn,
    StepBack,
    Back,
    Help,
    Palette,
    Mouse,
    Redraw,
    Suspend,
    Detach,
    Quit,
    QuitNow,
}

/// Where an entry of the table counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Everywhere.
    Always,
    /// While a receiver writes.
    Live,
    /// In a finished capture.
    Replay,
}

/// One entry: keys as they are written in help, what they do, in words, where.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Keys, apart by blanks.
    pub keys: &'static str,
    /// What they do.
    pub action: Action,
    /// In words.
    pub words: &'static str,
    /// Where.
    pub when: When,
}

const fn key(keys: &'static str, action: Action, words: &'static str) -> Binding {
    Binding { keys, action, words, when: When::Always }
}

/// The keymap.
pub const KEYMAP: &[Binding] = &[
    key("j Down", Action::Down, "next line (5j: five lines)"),
    key("k Up", Action::Up, "previous line"),
    key("d", Action::HalfDown, "half a page on"),
    key("u", Action::HalfUp, "half a page back"),
    key("PageDown Ctrl-f", Action::PageDown, "a page on"),
    key("PageUp Ctrl-b", Action::PageUp, "a page back"),
    key("gg Home", Action::Top, "first line"),
    key("G End", Action::Bottom, "last line, and follow"),
    key("f", Action::Follow, "follow new lines, or stop following"),
    key("/", Action::Search, "search; /!re hides, /=re keeps only matches"),
    key("n", Action::NextHit, "next hit"),
    key("N", Action::PreviousHit, "previous hit"),
    key("*", Action::SearchWord, "search for an id of this line, then a word"),
    key("x", Action::Matches, "only the hits of the search, or all lines again"),
    key("+", Action::MoreContext, "a line more around each that a filter keeps (5+)"),
    key("-", Action::LessContext, "a line less around them"),
    key("e", Action::NextError, "next error"),
    key("E", Action::PreviousError, "previous error"),
    key("s", Action::NextChange, "next change of volume or errors, or gap"),
    key("S", Action::PreviousChange, "previous change or gap"),
    key("!", Action::Hide, "hide lines that match"),
    key("&", Action::Keep, "keep only lines that match"),
    key("l", Action::Label, "keep lines with a label: app=api, level=warn"),
    key("Tab", Action::Filters, "the filters and what each matches: switch, edit, drop"),
    key("F", Action::FiltersOff, "all filters off, or on again"),
    key("t", Action::Time, "go to a time: 10:32, 10:32:05.5, -5m"),
    key("%", Action::Percent, "go to a share of the lines: 50%"),
    key("{", Action::MinuteBack, "a minute back"),
    key("}", Action::MinuteOn, "a minute on"),
    key("m", Action::SetMark, "set a mark: ma"),
    key("'", Action::GoMark, "go to a mark: 'a"),
    key("T", Action::Delta, "show times since this line"),
    key("U", Action::Utc, "UTC or local time"),
    key("Left", Action::Left, "sideways, half a screen"),
    key("Right", Action::Right, "sideways, half a screen"),
    key("Shift-Left", Action::FarLeft, "sideways, ten columns"),
    key("Shift-Right", Action::FarRight, "sideways, ten columns"),
    key("W", Action::Wrap, "wrap long lines"),
    key("Enter", Action::Detail, "the whole line: labels, fields; + and - filter by one"),
    key("c", Action::Changes, "what differs from the baseline, what broke first on top"),
    key("i", Action::Histogram, "histogram on or off"),
    key("z", Action::ZoomIn, "zoom the histogram in"),
    key("Z", Action::ZoomOut, "zoom the histogram out"),
    key("|", Action::Lanes, "a lane for each service"),
    key("w", Action::Save, "write the lines that pass the filters into a directory"),
    key("v", Action::Select, "select lines from here on, for y; again: none"),
    key("y", Action::CopyLine, "copy the line, or the lines selected"),
    key("p", Action::Pin, "pin the line to the top, or let go of it"),
    key("Y", Action::CopyCommand, "copy this view as a command"),
    Binding { keys: "Space", action: Action::Pause, words: "freeze, or go on", when: When::Live },
    Binding { keys: "Space", action: Action::Pause, words: "play, or pause", when: When::Replay },
    Binding { keys: "]", action: Action::Faster, words: "twice as fast", when: When::Replay },
    Binding { keys: "[", action: Action::Slower, words: "half as fast", when: When::Replay },
    Binding { keys: ".", action: Action::StepOn, words: "one line on, and pause", when: When::Replay },
    Binding { keys: ",", action: Action::StepBack, words: "one line back, and pause", when: When::Replay },
    key("Esc", Action::Back, "close, cancel, or drop the newest filter"),
    key("?", Action::Help, "this help"),
    key(":", Action::Palette, "type what you want to do"),
    key("F2", Action::Mouse, "use the mouse, or leave it to the terminal"),
    key("Ctrl-l", Action::Redraw, "draw the screen again"),
    key("Ctrl-z", Action::Suspend, "suspend the view; receiving goes on"),
    Binding { keys: "D", action: Action::Detach, words: "leave; receiving goes on", when: When::Live },
    Binding { keys: "q", action: Action::Quit, words: "quit; asks whether to stop receiving", when: When::Live },
    Binding { keys: "q", action: Action::Quit, words: "quit", when: When::Replay },
    key("Ctrl-c", Action::QuitNow, "quit; stops a receiver that this view started"),
];

/// Entries that count in a live view, or in a replay.
pub fn bindings(live: bool) -> impl Iterator<Item = &'static Binding> {
    KEYMAP.iter().filter(move |binding| match binding.when {
        When::Always => true,
        When::Live => live,
        When::Replay => !live,
    })
}

/// The name of a key as the table writes it.
#[must_use]
pub fn name(event: &KeyEvent) -> String {
    let (code, shift) = match event.code {
        KeyCode::Char(' ') => ("Space".to_owned(), false),
        KeyCode::Char(character) => (character.to_string(), false),
        KeyCode::F(number) => (format!("F{number}"), event.modifiers.contains(KeyModifiers::SHIFT)),
        other => (format!("{other:?}"), event.modifiers.contains(KeyModifiers::SHIFT)),
    };
    let control = if event.modifiers.contains(KeyModifiers::CONTROL) { "Ctrl-" } else { "" };
    format!("{control}{}{code}", if shift { "Shift-" } else { "" })
}
