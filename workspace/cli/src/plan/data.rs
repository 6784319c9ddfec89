//! What an experiment learns from, in a few lines whatever its size.

use topwork_measure::thousands;
use topwork_schema::{Component, DatasetUse, TestSet};
use topwork_worker::Heard;

use crate::experiment::Checked;

/// Columns, as many as any terminal has.
const WIDTH: usize = 80;

/// Where lines begin, behind the word they belong to.
const INDENT: usize = 8;

/// Lines of classes of one task.
const MOST_LINES: usize = 4;

/// Lines from a plugin's log that are shown of one dataset.
const MOST_HEARD: usize = 12;

/// Letters of a class's name.
const LONGEST_NAME: usize = 32;

/// Both tasks: dataset, number of examples, classes with their counts, what plugins said of it.
pub fn learns_from(checked: &Checked) -> String {
    let mut text = String::new();
    let mut told: Vec<&Component> = Vec::new();
    let mut of_tests: Vec<Option<String>> = Vec::new();
    let mut tasks: Vec<(String, &DatasetUse)> = Vec::new();
    for plan in checked.plans.plans() {
        let experiment = &plan.experiment;
        let source = (experiment.source.as_ref()).map(|source| {
            (
                "source".to_owned(),
                &source.dataset,
                &plan.source_classes,
                None,
            )
        });
        let target = &experiment.target;
        let folds = target.folds;
        let word = match &plan.target {
            Some(name) => format!("target {name}: "),
            None => "target".to_owned(),
        };
        let target = (word, &target.dataset, &plan.target_classes, folds);
        for (word, used, names, folds) in source.into_iter().chain([target]) {
            if tasks.contains(&(word.clone(), used)) {
                continue;
            }
            text.push_str(&task(checked, &word, used, names, folds));
            if !told.contains(&&used.component) {
                told.push(&used.component);
                text.push_str(&heard(checked, &used.component));
            }
            tasks.push((word, used));
        }
        // A target of several backbones is told once.
        if !of_tests.contains(&plan.target) {
            of_tests.push(plan.target.clone());
            experiment
                .target
                .tests
                .iter()
                .for_each(|test| text.push_str(&further(test)));
        }
    }
    if checked
        .catalog()
        .is_none_or(|catalog| catalog.content.is_none())
    {
        text.push_str("identical images were not looked for to the end; a run does it\n");
    }
    text
}

/// A further test set, in a line.
fn further(test: &TestSet) -> String {
    let used = &test.dataset;
    let (name, id, split) = (&test.name, used.component.id(), &test.split);
    format!(
        "{:INDENT$}further test set {name}: split {split} of {id}\n",
        ""
    )
}

fn task(
    checked: &Checked,
    word: &str,
    used: &DatasetUse,
    names: &[String],
    folds: Option<usize>,
) -> String {
    let counts = |split: &str| -> Option<Vec<u64>> {
        let counted = checked.catalog()?.counted.iter();
        let of = |counted: &&topwork_schema::Counted| {
            counted.component == used.component && counted.split == split
        };
        let all = counted.clone().find(of)?.classes.as_ref().ok()?;
        let of = |class: &usize| all.get(*class).copied().unwrap_or(0);
        Some(used.classes.iter().map(of).collect())
    };
    let id = used.component.id();
    let Some(train) = counts("train") else {
        return format!("{word:<INDENT$}{id}\n");
    };
    let sum = |counts: &[u64]| thousands(counts.iter().sum());
    let (size, test) = match (folds, counts("test")) {
        (Some(folds), _) => (format!("{} in {folds} folds", sum(&train)), None),
        (None, test) => {
            let test = test.unwrap_or_default();
            let size = format!("{} train + {} test", sum(&train), sum(&test));
            (size, Some(test))
        }
    };
    let classes = thousands(names.len() as u64);
    let mut text = format!("{word:<INDENT$}{id}, {size}, {classes} classes\n");
    for line in lines(names, &train, test.as_deref()) {
        text.push_str(&format!("{:INDENT$}{line}\n", ""));
    }
    text
}

/// The classes with their counts, in as many lines as there may be.
fn lines(names: &[String], train: &[u64], test: Option<&[u64]>) -> Vec<String> {
    let size = |class: usize| match test {
        Some(test) => format!("{} + {}", thousands(train[class]), thousands(test[class])),
        None => thousands(train[class]),
    };
    let all_alike = names.len() > 1 && (1..names.len()).all(|class| size(class) == size(0));
    let last = names.len().saturating_sub(1);
    let words: Vec<String> = (names.iter().enumerate())
        .map(|(class, name)| {
            let name = shortened(name);
            let comma = if class < last { "," } else { "" };
            match all_alike {
                true => format!("{name}{comma}"),
                false => format!("{name} ({}){comma}", size(class)),
            }
        })
        .collect();
    let mut lines = Vec::new();
    let each = |line: &mut String| {
        if all_alike {
            line.push_str(&format!(": {} each", size(0)));
        }
    };
    let mut shown = 0;
    let mut line = String::new();
    for word in &words {
        // Room for what may end the last line.
        let reserve = if lines.len() + 1 == MOST_LINES { 30 } else { 0 };
        let long = line.chars().count() + 1 + word.chars().count() + INDENT + reserve > WIDTH;
        if !line.is_empty() && long {
            if lines.len() + 1 == MOST_LINES {
                break;
            }
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        shown += 1;
    }
    if shown < words.len() {
        line.push_str(&format!(
            " … {} more",
            thousands((words.len() - shown) as u64)
        ));
    }
    each(&mut line);
    lines.push(line);
    lines
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// What plugins said while the dataset was read.
fn heard(checked: &Checked, dataset: &Component) -> String {
    let of = |heard: &&Heard| heard.dataset == *dataset;
    let all: Vec<&Heard> = checked.answer.heard.iter().filter(of).collect();
    let mut text = String::new();
    for heard in all.iter().take(MOST_HEARD) {
        let mark = if heard.is_warning() { "! " } else { "" };
        for line in wrapped(&format!("{mark}{}", heard.text)) {
            text.push_str(&format!("{:INDENT$}{line}\n", ""));
        }
    }
    if let Some(more) = all.len().checked_sub(MOST_HEARD).filter(|more| *more > 0) {
        text.push_str(&format!(
            "{:INDENT$}… and {} more\n",
            "",
            thousands(more as u64)
        ));
    }
    text
}

/// The text in lines; words are not cut.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let long = line.chars().count() + 1 + word.chars().count() + INDENT > WIDTH;
        if !line.is_empty() && long {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_classes_come_in_a_few_lines() {
        let names: Vec<String> = (0..1000).map(|class| format!("class-{class}")).collect();
        let uneven: Vec<u64> = (0..1000).collect();
        let check = |lines: Vec<String>| {
            assert_eq!(lines.len(), MOST_LINES, "{lines:#?}");
            let widest = lines.iter().map(|line| line.chars().count()).max();
            assert!(
                widest.is_some_and(|widest| widest + INDENT <= WIDTH),
                "{lines:#?}"
            );
            assert!(lines[MOST_LINES - 1].contains(" … 9"), "{lines:#?}");
        };
        check(lines(&names, &uneven, Some(&uneven)));
        check(lines(&names, &vec![1300; 1000], Some(&[50; 1000])));
        assert_eq!(
            lines(&names[..3], &[1, 2, 3], Some(&[4, 5, 6])),
            ["class-0 (1 + 4), class-1 (2 + 5), class-2 (3 + 6)"]
        );
        assert_eq!(
            lines(&names[..2], &[1300, 1300], None),
            ["class-0, class-1: 1,300 each"]
        );
    }
}
