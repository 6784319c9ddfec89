//! Which rows can be told apart.

use std::collections::BTreeSet;

use topwork_measure::{p_value, thousands};
use topwork_results::{ALPHA, Among, PairResult, PairTest, Results, Verdict};

/// More pairs than this are not all listed: a grid has hundreds.
const PAIRS: usize = 15;

/// And of those that are not told apart no more than this, or the table is gone from the screen.
const PAIRS_ALIKE: usize = 30;

/// Which pairs can be told apart on the test examples they share; of many, those that cannot.
pub fn pairs(results: &Results) -> String {
    let marked = |pair: &&PairResult| pair.verdict() != Verdict::Unmarked;
    let mut listed: Vec<&PairResult> = results.pairs.iter().filter(marked).collect();
    let all = listed.len();
    let unmarked = results.pairs.len() - all;
    let mut text = String::new();
    if all == 0 && unmarked > 0 {
        text.push_str(&format!(
            "{} of different cuts or numbers of training samples {} in {}, uncorrected{}\n",
            if unmarked == 1 {
                "one pair".to_owned()
            } else {
                format!("{} pairs", thousands(unmarked as u64))
            },
            if unmarked == 1 { "is" } else { "are" },
            place(results),
            match results.pairs_among {
                Among::Runs => "",
                _ => "; `target.compare-to` names a strategy to compare with",
            },
        ));
    }
    if all == 0 {
        return text;
    }
    text.push_str(&heading(results, &listed));
    if all > PAIRS {
        listed.retain(|pair| pair.verdict() != Verdict::Apart);
        let within = match results.pairs_among {
            Among::Families | Among::Runs => "within each family",
            Among::All | Among::CompareTo => "for so many",
        };
        text.push_str(&format!(
            "{} of {} pairs are told apart, p < {ALPHA} with Holm's correction {within}{}\n",
            thousands((all - listed.len()) as u64),
            thousands(all as u64),
            if listed.is_empty() {
                ""
            } else {
                "; the others:"
            },
        ));
    }
    let more = listed.len().saturating_sub(PAIRS_ALIKE);
    listed.truncate(PAIRS_ALIKE);
    let lines: Vec<[String; 4]> = (listed.into_iter())
        .map(|pair| line(results, pair, all))
        .collect();
    let width = |column: usize| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths = [0, 1, 2].map(width);
    for [names, difference, p, rest] in &lines {
        let line = format!(
            "  {names:<0$}  {difference:<1$}  {p:<2$}{rest}",
            widths[0], widths[1], widths[2]
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if more > 0 {
        let more = thousands(more as u64);
        text.push_str(&format!(
            "  … and {more} more, under `pairs` in {}\n",
            place(results)
        ));
    }
    if unmarked > 0 {
        let (number, verb) = match unmarked {
            1 => ("one pair".to_owned(), "is"),
            several => (format!("{} pairs", thousands(several as u64)), "are"),
        };
        let which = match results.pairs_among {
            Among::Families | Among::Runs => "of different families",
            Among::All | Among::CompareTo => "without it",
        };
        text.push_str(&format!(
            "  {number} {which} {verb} in {}, uncorrected\n",
            place(results)
        ));
    }
    text
}

/// Where all pairs are.
fn place(results: &Results) -> &'static str {
    match results.pairs_among {
        Among::Runs => "what `--json` gives",
        Among::All | Among::Families | Among::CompareTo => "results.json",
    }
}

/// Which pairs these are, and how they are compared.
fn heading(results: &Results, listed: &[&PairResult]) -> String {
    let among = match results.pairs_among {
        Among::All => "pairs".to_owned(),
        // The cuts of one backbone are not those of another.
        Among::Families if results.strategies.iter().any(|row| row.backbone.is_some()) => {
            "pairs with the same number of training samples".to_owned()
        }
        Among::Families => "pairs of the same cut and number of training samples".to_owned(),
        Among::CompareTo => match &results.judging.compare_to {
            Some(name) => format!("pairs with `{name}`"),
            None => "pairs".to_owned(),
        },
        Among::Runs => "pairs of different runs".to_owned(),
    };
    let tests: BTreeSet<PairTest> = listed.iter().map(|pair| pair.test).collect();
    let tests: Vec<&str> = tests.into_iter().map(PairTest::sentence).collect();
    let figure = results.ranked_by().name;
    format!("{among}, by {figure}: {}\n", tests.join("; "))
}

/// A pair in words: `[names, difference with its interval, p, p with Holm's correction, verdict]`.
pub type PairWords = [String; 5];

/// The pairs that are corrected for, which they are and how they are compared, and each in words; `None` where
/// there are none.
pub fn in_words(results: &Results) -> Option<(String, Vec<PairWords>)> {
    let marked = |pair: &&PairResult| pair.verdict() != Verdict::Unmarked;
    let listed: Vec<&PairResult> = results.pairs.iter().filter(marked).collect();
    let all = listed.len();
    let words = |pair: &&PairResult| {
        let [names, difference, p, rest] = line(results, pair, all);
        let holm = pair.p_holm.map_or(String::new(), p_value);
        let rest = match pair.verdict() {
            Verdict::Apart => format!("told apart{rest}"),
            _ => rest,
        };
        let verdict = rest.split_whitespace().collect::<Vec<&str>>().join(" ");
        [names, difference, p, holm, verdict]
    };
    let words: Vec<PairWords> = listed.iter().map(words).collect();
    (all > 0).then(|| (heading(results, &listed).trim_end().to_owned(), words))
}

/// Names, difference with its interval, p, and what comes of it.
fn line(results: &Results, pair: &PairResult, all: usize) -> [String; 4] {
    let unit = pair.figure().unit;
    let difference = match (pair.difference, pair.interval) {
        (Some(difference), Some(interval)) => unit.difference(difference, interval),
        _ => String::new(),
    };
    let verdict = match pair.verdict() {
        Verdict::Apart | Verdict::Unmarked => String::new(),
        Verdict::Chance => match results.pairs_among {
            Among::Families | Among::Runs => {
                "  ? may be chance among the pairs of its family".to_owned()
            }
            _ => format!("  ? may be chance among {} pairs", thousands(all as u64)),
        },
        Verdict::Equivalent => {
            let within = results.judging.equivalent_within.unwrap_or_default();
            format!("  ≡ equal within {}", unit.distance(within))
        }
        Verdict::Alike => "  ≈ cannot be told apart".to_owned(),
    };
    let seeds = match pair.seeds.as_slice() {
        [one] => format!(
            "  (only one right: {} / {})",
            thousands(one.only_a),
            thousands(one.only_b)
        ),
        [] => String::new(),
        seeds => format!("  ({} of {} seeds agree)", pair.seeds_agree, seeds.len()),
    };
    [
        format!("{} / {}", pair.a, pair.b),
        difference,
        p_value(pair.p),
        seeds + &verdict,
    ]
}
