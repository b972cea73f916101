//! Commands as a shell takes them: each that is told can be pasted.

/// One word.
pub fn shell_word(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A whole command, in one line.
pub fn shell_line(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_the_words_again() {
        let words =
            ["--seed=31", "+a@b%c", "a b'c", "$(rm)", "", "a\nb", "~", "#x", "é*", "--x='y'"].map(str::to_owned);
        assert!(shell_line(&words).starts_with(r"--seed=31 +a@b%c 'a b'\''c' '$(rm)' '' "));
        let line = format!("printf '%s\\0' {}", shell_line(&words));
        let output = Command::new("sh").arg("-c").arg(line).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), words.map(|word| word + "\0").concat());
    }
}
