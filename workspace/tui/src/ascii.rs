//! The dashboard and printed text in ASCII: made as ever, then every symbol of ours replaced by its
//! nearest ASCII character. Names a user has chosen stay as they are.

use ratatui::buffer::Buffer;

/// Replaces our symbols in the whole buffer.
pub fn flatten(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let mut characters = cell.symbol().chars();
        if let (Some(symbol), None) = (characters.next(), characters.next())
            && let Some(plain) = plain(symbol)
        {
            cell.set_char(plain);
        }
    }
}

/// Replaces our symbols in text; it stays as wide as it was.
pub fn ascii(text: &str) -> String {
    text.chars().map(|c| plain(c).unwrap_or(c)).collect()
}

/// The nearest ASCII character of a symbol that we use.
fn plain(symbol: char) -> Option<char> {
    Some(match symbol {
        '─' | '┄' | '━' | '╌' | '–' | '—' => '-',
        '│' | '┃' | '┊' | '▏' | '▎' | '▍' => '|',
        '╭' | '╮' | '╯' | '╰' | '├' | '┤' | '┬' | '┴' | '┼' | '┌' | '┐' | '└' | '┘' | '±' => {
            '+'
        }
        '✓' => 'v',
        '✗' | '×' => 'x',
        '❄' | '•' | '★' => '*',
        '●' => 'o',
        '○' => 'O',
        '▶' | '→' | '▸' | '›' | '≥' => '>',
        '◀' | '←' | '≤' => '<',
        '▲' | '↑' => '^',
        '▼' | '↓' => 'v',
        '↵' => '/',
        '·' | '░' => '.',
        // What is cut ends in it, and nothing else does.
        '…' => '~',
        '≈' => '=',
        '≡' => 'e',
        '◎' => '@',
        '≠' => '!',
        '▒' => ':',
        '▓' | '█' | '▌' | '▐' | '▋' | '▊' | '▉' | '■' | '▀' | '▄' => '#',
        '\u{2800}' => ' ',
        '\u{2801}'..='\u{28ff}' => '*',
        _ => return None,
    })
}
