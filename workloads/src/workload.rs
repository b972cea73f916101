//! What a workload is: typed calls, a generator that makes them, clients that carry them out, checkers that judge them.

use dsjepsen_checkers::{Checker, RunView};
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::generator::Generator;
use dsjepsen_engine::runner::{Conditions, Connect};
use dsjepsen_engine::{Client, Cluster};
use dsjepsen_history::{Call, JepsenShape, Lanes, OptionValue, Options, Promises, Reply};

/// An option of a workload, as it stands on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionSpec {
    /// Its name without dashes; ends in its unit: `lease-ttl-ms`.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// What it may be, and its default.
    pub kind: OptionKind,
}

/// What an option may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A number from `least` to `most`.
    Number {
        /// The default.
        default: u64,
        /// The least that makes sense.
        least: u64,
        /// The most that makes sense; `u64::MAX` where there is no end.
        most: u64,
    },
    /// One of these words; the first is the default.
    Choice(&'static [&'static str]),
}

impl OptionSpec {
    /// The default.
    pub fn default_value(&self) -> OptionValue {
        match self.kind {
            OptionKind::Number { default, .. } => OptionValue::Number(default),
            OptionKind::Choice(words) => OptionValue::Word(words.first().copied().unwrap_or_default().to_owned()),
        }
    }

    /// Reads what was written on the command line.
    ///
    /// # Errors
    /// A sentence that says what is allowed.
    pub fn parse(&self, text: &str) -> Result<OptionValue, String> {
        match self.kind {
            OptionKind::Number { least, most, .. } => match text.parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(OptionValue::Number(number)),
                _ if most == u64::MAX => Err(format!("--{} takes a number from {least} on, not `{text}`", self.name)),
                _ => Err(format!("--{} takes a number from {least} to {most}, not `{text}`", self.name)),
            },
            OptionKind::Choice(words) if words.contains(&text) => Ok(OptionValue::Word(text.to_owned())),
            OptionKind::Choice(words) => Err(format!("--{} takes {}, not `{text}`", self.name, words.join(" or "))),
        }
    }
}

/// What a workload may know when it is made ready for a run.
pub struct Setup<'a> {
    /// What the target offers.
    pub abilities: &'a Abilities,
    /// The options, complete.
    pub options: &'a Options,
    /// What the target promises.
    pub promises: &'a Promises,
    /// The conditions of the run.
    pub conditions: &'a Conditions,
    /// The cluster.
    pub cluster: &'a Cluster,
}

/// A workload made ready: the calls, and who carries them out.
pub struct Prepared<W: Workload> {
    /// Decides what is called.
    pub generator: Box<dyn Generator<W::Call, W::Reply>>,
    /// Makes the client of each new process.
    pub connect: Connect<W::Client>,
}

/// A workload.
pub trait Workload: Sync + Sized + 'static {
    /// Its name, as on the command line.
    const NAME: &'static str;
    /// One line about it.
    const ABOUT: &'static str;
    /// What its calls look like in a history of Jepsen's. A kind that is not named keeps its name, and its content is a map.
    const JEPSEN: &'static [JepsenShape] = &[];
    /// Its calls.
    type Call: Call;
    /// Their results.
    type Reply: Reply;
    /// What carries them out.
    type Client: Client<Call = Self::Call, Reply = Self::Reply> + 'static;

    /// Its options.
    fn options(&self) -> Vec<OptionSpec>;

    /// The kinds of calls without a success of which a run has shown nothing.
    fn required(&self) -> &'static [&'static str];

    /// Whether a target that offers this can serve it.
    fn is_served_by(&self, abilities: &Abilities) -> bool;

    /// Makes it ready; `None` where the target lacks what it needs.
    fn prepare(&self, setup: &Setup<'_>) -> Option<Prepared<Self>>;

    /// What judges it, beside the checks that hold for every workload: a run whose faults made the CLOCK_MONOTONIC of a node
    /// go too fast by as many parts per million.
    fn checkers(&self, clock_rate_error_ppm: u64) -> Vec<Box<dyn Checker<Self::Call, Self::Reply>>>;

    /// What is drawn of a run beside its operations: who held what when, or which values there were. It judges nothing.
    fn lanes(&self, run: &RunView<'_, Self::Call, Self::Reply>) -> Lanes;
}
