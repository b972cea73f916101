//! The configurations that were reached, step by step, and those that are still to be gone on from.

use rustc_hash::{FxHashMap, FxHashSet};

use super::slots::Slots;
use super::usage::{NONE, Usages};

/// How many of the latest configurations of a step a new one is compared with.
pub(super) const COMPARED: usize = 128;

/// What is left to be done from some moment on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Configuration<S> {
    pub(super) state: u32,
    /// What was used of the operations without an answer, of the classes that are counted.
    pub(super) usage: u32,
    /// The operations that must still take effect.
    pub(super) must: S,
    /// Those that still can. One that changes nothing is never among them: it has only a duty.
    pub(super) can: S,
}

impl<S: Slots> Configuration<S> {
    /// Whether another can do whatever this one can: it has no more duties, and no fewer chances.
    pub(super) fn is_no_better_than(&self, other: &Self, usages: &Usages) -> bool {
        self.is_no_better_but_for_usage_than(other) && usages.is_within(other.usage, self.usage)
    }

    fn is_no_better_but_for_usage_than(&self, other: &Self) -> bool {
        self.state == other.state && other.must.is_within(&self.must) && self.can.is_within(&other.can)
    }
}

/// How a configuration was reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail {
    /// The place of the one before it, at the step before.
    pub(super) from: u32,
    /// The classes of the operations without an answer that took effect in between.
    pub(super) used: Box<[u32]>,
}

/// The configurations of a step.
#[derive(Debug)]
struct Layer<S> {
    seen: Vec<Configuration<S>>,
    /// How each was reached.
    trails: Vec<Trail>,
    /// The same, once there are many.
    set: FxHashSet<Configuration<S>>,
    /// How many there are, whatever they used, where that is limited.
    crowds: FxHashMap<Configuration<S>, usize>,
    /// Those of `seen` that are still to be gone on from.
    todo: Vec<u32>,
}

impl<S> Default for Layer<S> {
    fn default() -> Self {
        Self {
            seen: Vec::new(),
            trails: Vec::new(),
            set: FxHashSet::default(),
            crowds: FxHashMap::default(),
            todo: Vec::new(),
        }
    }
}

/// All configurations, by step.
pub(super) struct Front<S> {
    /// The step of the first layer.
    first: usize,
    layers: Vec<Layer<S>>,
    /// The steps with something to be done, ascending.
    open: Vec<usize>,
    /// The farthest step.
    pub(super) reached: usize,
    remembered: usize,
    /// How many configurations are remembered that differ in nothing but what they used.
    crowd: usize,
}

impl<S: Slots> Front<S> {
    pub(super) fn new(first: usize, crowd: usize) -> Self {
        Self { first, layers: Vec::new(), open: Vec::new(), reached: first, remembered: 0, crowd }
    }

    /// The configuration to go on from, with its step and place: of those at the farthest step the latest.
    pub(super) fn next(&mut self) -> Option<(usize, u32, Configuration<S>)> {
        let step = *self.open.last()?;
        let layer = &mut self.layers[step - self.first];
        let place = layer.todo.pop()?;
        if layer.todo.is_empty() {
            self.open.pop();
        }
        Some((step, place, layer.seen[place as usize].clone()))
    }

    /// What it takes, in bytes, estimated.
    pub(super) fn bytes(&self) -> usize {
        self.remembered * 2 * (size_of::<Configuration<S>>() + size_of::<Trail>() + size_of::<u32>())
    }

    /// What was used on the way to a configuration: the step before each, and the class.
    pub(super) fn used(&self, step: usize, place: u32) -> Vec<(usize, u32)> {
        let mut used = Vec::new();
        let mut place = place;
        for step in (self.first + 1..=step).rev() {
            let trail = &self.layers[step - self.first].trails[place as usize];
            used.extend(trail.used.iter().map(|&class| (step - 1, class)));
            place = trail.from;
        }
        used.reverse();
        used
    }

    /// Remembers a configuration to be gone on from, unless there is one that is no worse. Steps are reached one after another.
    /// `false` where there are too many that may be worse only for what they used.
    pub(super) fn remember(
        &mut self,
        step: usize,
        configuration: Configuration<S>,
        trail: Trail,
        usages: &Usages,
    ) -> bool {
        self.reached = self.reached.max(step);
        while self.layers.len() <= step - self.first {
            self.layers.push(Layer::default());
        }
        let layer = &mut self.layers[step - self.first];
        let mut crowd = 0;
        for seen in layer.seen[layer.seen.len().saturating_sub(COMPARED)..].iter().rev() {
            if configuration.is_no_better_but_for_usage_than(seen) {
                if usages.is_within(seen.usage, configuration.usage) {
                    return true;
                }
                crowd += 1;
            }
        }
        if crowd >= self.crowd {
            return false;
        }
        if layer.seen.len() >= COMPARED {
            if layer.set.is_empty() {
                layer.set.extend(layer.seen.iter().cloned());
            }
            if !layer.set.insert(configuration.clone()) {
                return true;
            }
            if self.crowd < usize::MAX {
                let crowd = layer.crowds.entry(Configuration { usage: NONE, ..configuration.clone() }).or_default();
                *crowd += 1;
                if *crowd > self.crowd {
                    return false;
                }
            }
        }
        if layer.todo.is_empty() {
            self.open.push(step);
        }
        layer.todo.push(layer.seen.len() as u32);
        layer.seen.push(configuration);
        layer.trails.push(trail);
        self.remembered += 1;
        true
    }
}
