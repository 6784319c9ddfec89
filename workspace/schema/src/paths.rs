//! Paths as people write them: relative to the experiment file, with `~` and variables.

use std::path::{Path, PathBuf};

/// The absolute path that `written` stands for. `~/` is the home folder; `$NAME` and `${NAME}` are
/// variables of the environment, unless a file really has that name.
pub(crate) fn resolve(written: &str, folder: &Path) -> PathBuf {
    let joined = match expand(written, folder, &environment) {
        Ok(path) => folder.join(path),
        Err(_) => folder.join(written),
    };
    std::path::absolute(&joined).unwrap_or(joined)
}

/// What of the path cannot be replaced, in a sentence.
pub(crate) fn problem(written: &str, folder: &Path) -> Option<String> {
    expand(written, folder, &environment).err()
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn expand(
    written: &str,
    folder: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut path = written.to_owned();
    if written == "~" || written.starts_with("~/") {
        let home = variable("HOME").ok_or("there is no home folder: `HOME` is not set")?;
        path = format!("{}{}", home.trim_end_matches('/'), &written[1..]);
    } else if written.starts_with('~') && !folder.join(written).exists() {
        let user = written.split('/').next().unwrap_or(written);
        return Err(format!(
            "`{user}` is not replaced, only `~/` is: write the folder's path"
        ));
    }
    // A path that was replaced before and has such a character in a name stays as it is.
    if !path.contains('$') || folder.join(&path).exists() {
        return Ok(path);
    }
    let mut expanded = String::new();
    let mut rest = path.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let (name, behind) = match after.strip_prefix('{') {
            Some(braced) => match braced.split_once('}') {
                Some((name, behind)) if is_name(name) => (name, behind),
                _ => ("", after),
            },
            None => {
                let end = after.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
                let (name, behind) = after.split_at(end.unwrap_or(after.len()));
                if is_name(name) {
                    (name, behind)
                } else {
                    ("", after)
                }
            }
        };
        if name.is_empty() {
            expanded.push('$');
        } else {
            let value =
                variable(name).ok_or_else(|| format!("the variable `{name}` is not set"))?;
            expanded.push_str(&value);
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_and_variables_are_replaced() {
        let variable = |name: &str| match name {
            "HOME" => Some("/home/me/".to_owned()),
            "DATA" => Some("/data".to_owned()),
            _ => None,
        };
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let check = |written: &str, expected: Result<&str, &str>| {
            let found = expand(written, here, &variable);
            let found = found.as_deref().map_err(String::as_str);
            assert_eq!(found, expected, "{written}");
        };
        check("pictures", Ok("pictures"));
        check("~", Ok("/home/me"));
        check("~/a b", Ok("/home/me/a b"));
        check("a/~/b", Ok("a/~/b"));
        check(
            "~you/b",
            Err("`~you` is not replaced, only `~/` is: write the folder's path"),
        );
        check("$DATA/x", Ok("/data/x"));
        check("${DATA}x/$HOME", Ok("/datax//home/me/"));
        check("$DATAx", Err("the variable `DATAx` is not set"));
        check("a$", Ok("a$"));
        check("$1/${a b}/${", Ok("$1/${a b}/${"));
    }

    #[test]
    fn a_name_that_exists_is_no_variable() {
        let folder = std::env::temp_dir().join(format!("topwork-paths-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("$DATA")).unwrap();
        let found = expand("$DATA", &folder, &|_| None);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.as_deref(), Ok("$DATA"));
    }
}
