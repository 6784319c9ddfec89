//! The HTML page in a real browser without a window: sorted, in both themes, its contrast and labels checked.
//!
//! Chromium is looked for as `TOPWORK_CHROMIUM` names it, else under its usual names in the folders of `PATH`; where
//! there is none the tests are listed as ignored. `TOPWORK_WRITE_SCREENS` names a folder for pictures of the page.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use topwork_events::{Record, RunState};
use topwork_pages::{ClassFeatures, PAGES, Report};
use topwork_results::Results;

fn main() {
    let arguments = Arguments::from_args();
    let there = chromium().is_some();
    let trial = |name: &str, test: fn() -> Result<(), Failed>| {
        let name = match there {
            true => name.to_owned(),
            false => format!("{name} (needs chromium in PATH or TOPWORK_CHROMIUM)"),
        };
        Trial::test(name, test).with_ignored_flag(!there)
    };
    let trials = vec![
        trial("a_page_is_used_and_read_in_a_browser", used_and_read),
        trial(
            "a_page_of_a_run_that_has_measured_nothing_is_a_page",
            of_nothing,
        ),
        trial("what_is_wrong_with_a_page_is_found", wrong_is_found),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

fn chromium() -> Option<PathBuf> {
    if let Some(named) = env::var_os("TOPWORK_CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let paths = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    paths.into_iter().find(|path| path.is_file())
}

/// The run that the pictures of the dashboard are drawn from.
fn recorded() -> RunState {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tui/tests/recorded");
    let stream = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let stream = stream.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    let path = stream.min().unwrap();
    let records: Vec<Record> = (fs::read_to_string(path).unwrap().lines())
        .filter_map(Record::from_line)
        .collect();
    RunState::from_records(&records)
}

fn page(report: &Report) -> String {
    let html = PAGES.iter().find(|page| page.id == "html").unwrap();
    (html.write)(report, None).unwrap()
}

/// Names that are full of what HTML has a meaning for.
fn hostile(report: &mut Report) {
    let row = &mut report.tables.tables[0].strategies[0];
    row.name = "<img src=x onerror=alert(1)> & \"quoted\"".to_owned();
    row.title = row.name.clone();
    report
        .facts
        .push(("</dl><script>".to_owned(), "'\u{1b}[31m".to_owned()));
    report.experiment = Some("name = \"</pre><b>\"\n".to_owned());
}

fn report(state: &RunState) -> Report {
    let mut report = Report::of(Results::from_state(state).unwrap());
    let means = |class: usize, at: usize| ((class * 7 + at) % 13) as f64 / 13.0;
    report.features = vec![ClassFeatures {
        trunk: "trained trunk, cut at features".to_owned(),
        classes: ["5", "6", "7"].map(str::to_owned).to_vec(),
        dimensions: (0..300).collect(),
        dim: 800,
        examples: 30,
        extracted: 90,
        means: (0..3)
            .flat_map(|class| (0..300).map(move |at| means(class, at)))
            .collect(),
        separation: (0..300).map(f64::from).collect(),
    }];
    report
}

/// What the checks say of a page.
fn checked(page: &str) -> Result<Value, Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("page.html");
    let checks = include_str!("browser/checks.js");
    let script = format!("<script>\n{checks}</script>\n</body>");
    fs::write(&path, page.replacen("</body>", &script, 1))?;
    let output = browser(folder.path())
        .arg("--dump-dom")
        .arg(&path)
        .output()?;
    let dom = String::from_utf8_lossy(&output.stdout);
    let found = dom
        .split_once("<pre id=\"checked\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"));
    let Some((found, _)) = found else {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the checks have not ended: {said}").into());
    };
    let found = found
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    Ok(serde_json::from_str(&found)?)
}

fn browser(profile: &Path) -> Command {
    let mut command = Command::new(chromium().unwrap());
    command
        .args([
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--hide-scrollbars",
        ])
        // Its own sandbox needs rights that containers do not give.
        .args([
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--window-size=1280,1600",
        ])
        .arg(format!(
            "--user-data-dir={}",
            profile.join("profile").display()
        ));
    command
}

fn used_and_read() -> Result<(), Failed> {
    let state = recorded();
    let mut report = report(&state);
    if let Some(folder) = env::var_os("TOPWORK_WRITE_SCREENS") {
        picture(&page(&report), Path::new(&folder))?;
    }
    hostile(&mut report);
    let found = checked(&page(&report))?;
    println!("{found}");
    assert_eq!(found["wrong"], serde_json::json!([]), "{found}");
    let sections: Vec<&str> = found["sections"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for section in ["Comparison", "Pairs", "Confusion", "Features", "Settings"] {
        assert!(sections.contains(&section), "{sections:?} lacks {section}");
    }
    assert!(found["texts"].as_u64().unwrap() > 200, "{found}");
    Ok(())
}

fn of_nothing() -> Result<(), Failed> {
    let state = recorded();
    let plan = state.plan.unwrap();
    let begun = Record::new(1, topwork_events::Event::RunStarted(plan));
    let found = checked(&page(&Report::of(
        Results::from_state(&RunState::from_records([&begun])).unwrap(),
    )))?;
    assert_eq!(found["wrong"], serde_json::json!([]), "{found}");
    Ok(())
}

/// Checks that find nothing on a broken page would be none.
fn wrong_is_found() -> Result<(), Failed> {
    let page = page(&report(&recorded()));
    let check = |from: &str, to: &str, expected: &str| -> Result<(), Failed> {
        assert!(page.contains(from), "the page has no {from}");
        let found = checked(&page.replace(from, to))?;
        let wrong = found["wrong"].to_string();
        assert!(wrong.contains(expected), "{from}: {wrong}");
        Ok(())
    };
    check("--soft: #4a525c", "--soft: #b0b0b0", "light: contrast")?;
    check("--soft: #b3bbc5", "--soft: #303030", "dark: contrast")?;
    check(
        "down ? order(b.key, a.key)",
        "down ? order(a.key, b.key)",
        "is not descending",
    )?;
    check(
        "aria-label=\"Heat map",
        "data-label=\"Heat map",
        "no text alternative",
    )?;
    check("<main>", "<main><h4>odd</h4>", "headings skip a level")?;
    check(
        "<main>",
        "<main><img src=\"https://example.invalid/x.png\">",
        "something is fetched",
    )
}

/// The page as it looks, light and dark.
fn picture(page: &str, folder: &Path) -> Result<(), Failed> {
    let work = tempfile::tempdir()?;
    fs::create_dir_all(folder)?;
    let path = work.path().join("page.html");
    for theme in ["light", "dark"] {
        fs::write(
            &path,
            page.replacen(
                "<html lang=\"en\">",
                &format!("<html lang=\"en\" data-theme=\"{theme}\">"),
                1,
            ),
        )?;
        let picture = folder.join(format!("report-{theme}.png"));
        let output = browser(work.path())
            .arg(format!("--screenshot={}", picture.display()))
            .arg(&path)
            .output()?;
        assert!(output.status.success() && picture.is_file());
    }
    Ok(())
}
