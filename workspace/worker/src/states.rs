//! How much of what classifiers save of their fits is kept.

use topwork_schema::Plan;

/// Bytes for the states of all heads of a run. Some are a few numbers; those of nearest neighbours are the training
/// features themselves, once for every row.
const ALL: u64 = 64 << 20;

/// The most bytes of one head's state.
pub fn share_of(plan: &Plan) -> u64 {
    let experiment = &plan.experiment;
    let classifiers = (plan.rows.iter())
        .filter(|row| plan.strategy(row).kind.fits_a_classifier())
        .count();
    share(classifiers * experiment.seeds.len() * experiment.target.folds.unwrap_or(1))
}

/// What is said of a state larger than its share.
pub fn not_kept(title: &str, share: u64, bytes: usize) -> String {
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    format!(
        "the fitted head of `{title}` is not kept, nor is any other larger than {}: it takes {}, and all heads of a run share {}",
        megabytes(share),
        megabytes(bytes as u64),
        megabytes(ALL)
    )
}

/// The most bytes of each of so many heads. All have the same share, so that it depends on neither order nor interruptions
/// which are kept.
fn share(heads: usize) -> u64 {
    ALL / (heads as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_rows_have_room_and_grids_stay_small() {
        let state = |examples: u64, dimensions: u64| examples * dimensions * 4;
        // 10,000 digits with the 800 features of LeNet, two heads; six heads in five folds of 410
        // pictures.
        assert!(state(10_000, 800) <= share(2));
        assert!(state(328, 1_280) <= share(30));
        // A grid of 1,000 rows.
        assert!(state(5_000, 800) > share(1_000));
        assert!((1..5_000).all(|heads| share(heads) * heads as u64 <= ALL));
        assert_eq!(share(0), ALL);
    }
}
