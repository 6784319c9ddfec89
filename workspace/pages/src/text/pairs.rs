//! Which rows can be told apart.

use topwork_events::Scope;
use topwork_measure::{PairTest, p_value, thousands};
use topwork_results::{ALPHA, PairResult, Results, Verdict};

/// More pairs than this are not all listed: a grid has hundreds.
const PAIRS: usize = 15;

/// And of those that are not told apart no more than this, or the table is gone from the screen.
const PAIRS_ALIKE: usize = 30;

/// Which pairs can be told apart on the test examples they share; of many, those that cannot.
pub fn pairs(results: &Results) -> String {
    let mut text = String::new();
    let all = results.pairs.len();
    if all == 0 {
        return text;
    }
    let among = match results.pairs_among {
        Scope::All => "pairs",
        Scope::Families => "pairs of the same cut and number of training samples",
    };
    let test = PairTest::McNemarMidP.name();
    text.push_str(&format!("{among} on the same test examples, {test}"));
    if results.pairs.iter().any(|pair| pair.seeds.len() > 1) {
        text.push_str(", the largest over the seeds");
    }
    let mut listed: Vec<&PairResult> = results.pairs.iter().collect();
    if all > PAIRS {
        listed.retain(|pair| pair.verdict() != Verdict::Apart);
        text.push_str(&format!(
            ": {} of {} pairs are told apart, p < {ALPHA} with Holm's correction for so many",
            thousands((all - listed.len()) as u64),
            thousands(all as u64)
        ));
        if !listed.is_empty() {
            text.push_str("; the others");
        }
    }
    text.push('\n');
    let more = listed.len().saturating_sub(PAIRS_ALIKE);
    listed.truncate(PAIRS_ALIKE);
    let names = |pair: &PairResult| format!("{} / {}", pair.a, pair.b);
    let lengths = listed.iter().map(|pair| names(pair).chars().count());
    let width = lengths.max().unwrap_or(0);
    for pair in listed {
        let p = p_value(pair.p);
        let verdict = match pair.verdict() {
            Verdict::Apart => String::new(),
            Verdict::Chance => format!("  ? may be chance among {} pairs", thousands(all as u64)),
            Verdict::Alike => "  ≈ cannot be told apart".to_owned(),
        };
        let only = match pair.seeds.as_slice() {
            [one] => format!(
                "  (only one right: {} / {})",
                thousands(one.only_a),
                thousands(one.only_b)
            ),
            _ => String::new(),
        };
        text.push_str(&format!("  {:<width$}  {p}{only}{verdict}\n", names(pair)));
    }
    if more > 0 {
        let more = thousands(more as u64);
        text.push_str(&format!(
            "  … and {more} more, under `pairs` in results.json\n"
        ));
    }
    text
}
