//! What holds values and gives them back: queues, stacks and their like. They differ in the place where a value is put, and in
//! the place that is looked at and taken from.

use dsjepsen_history::Judgement;
use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Format, Value};

use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use super::{ForeignProblem, Given};
use crate::linearizable::Model;

/// In which order values come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// First in, first out.
    Queue,
    /// Last in, first out.
    Stack,
    /// Either end, as the operation says.
    Deque,
    /// The largest first.
    Priority,
    /// Any.
    Any,
}

/// Judges containers of this order.
pub(super) fn judge_containers(
    model: &ObjectModel,
    given: &Given<'_>,
    order: Order,
) -> Result<Judgement, ForeignProblem> {
    let container = || Container { order, nil_is_empty: matches!(given.format, Format::Polylin | Format::Fptlin) };
    judge(model, given, &container(), &mut container())
}

struct Container {
    order: Order,
    /// Whether nil says that there was nothing; else it says nothing, and a success without a value is refused.
    nil_is_empty: bool,
}

/// The end of a container: values come back from the front, or where the operation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Front,
    Back,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Call {
    Put(End, Value),
    Take(End),
    Peek(End),
}

/// What was found; of a put, nothing.
type Reply = Option<Value>;

impl Container {
    /// Which operation a word means to this order.
    fn call(&self, operation: &ForeignOperation) -> Option<Call> {
        let put = |end| Some(Call::Put(end, operation.call.clone()));
        match (self.order, operation.f.as_deref()?) {
            (Order::Queue | Order::Any, "enqueue" | "enq") => put(End::Back),
            (Order::Queue | Order::Any, "dequeue" | "deq") => Some(Call::Take(End::Front)),
            (Order::Stack, "push") => put(End::Front),
            (Order::Stack, "pop") => Some(Call::Take(End::Front)),
            (Order::Priority, "insert" | "enqueue") => put(End::Front),
            (Order::Priority, "poll" | "dequeue") => Some(Call::Take(End::Front)),
            (Order::Queue | Order::Stack | Order::Priority, "peek") => Some(Call::Peek(End::Front)),
            (Order::Deque, "push_front") => put(End::Front),
            (Order::Deque, "push_back") => put(End::Back),
            (Order::Deque, "pop_front") => Some(Call::Take(End::Front)),
            (Order::Deque, "pop_back") => Some(Call::Take(End::Back)),
            (Order::Deque, "peek_front") => Some(Call::Peek(End::Front)),
            (Order::Deque, "peek_back") => Some(Call::Peek(End::Back)),
            _ => None,
        }
    }

    /// The place in a state from which a value comes back.
    fn place(&self, state: &[Value], end: End, found: Option<&Reply>) -> Option<usize> {
        match (self.order, found) {
            (Order::Any, Some(Some(value))) => state.iter().position(|held| held == value),
            _ if end == End::Front => (!state.is_empty()).then_some(0),
            _ => state.len().checked_sub(1),
        }
    }

    fn put(&self, state: &[Value], end: End, value: &Value) -> Vec<Value> {
        let mut after = state.to_vec();
        let place = match (self.order, end) {
            (Order::Priority, _) => after.partition_point(|held| held > value),
            // The order within means nothing: equal contents are equal states.
            (Order::Any, _) => after.partition_point(|held| held < value),
            (_, End::Front) => 0,
            (_, End::Back) => after.len(),
        };
        after.insert(place, value.clone());
        after
    }
}

impl Model for Container {
    /// What it holds, front first.
    type State = Vec<Value>;
    type Call = Call;
    type Reply = Reply;

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn step(&self, state: &Vec<Value>, call: &Call, reply: Option<&Reply>) -> Option<Vec<Value>> {
        let (end, takes) = match call {
            Call::Put(end, value) => return Some(self.put(state, *end, value)),
            Call::Take(end) => (*end, true),
            Call::Peek(end) => (*end, false),
        };
        let place = self.place(state, end, reply);
        let found = place.map(|place| &state[place]);
        if reply.is_some_and(|reply| reply.as_ref() != found) {
            return None;
        }
        let mut after = state.clone();
        if let Some(place) = place.filter(|_| takes) {
            after.remove(place);
        }
        Some(after)
    }

    fn only_observes(&self, call: &Call, reply: &Reply) -> bool {
        match call {
            Call::Put(..) => false,
            Call::Peek(_) => true,
            Call::Take(_) => reply.is_none(),
        }
    }
}

impl Words for Container {
    type Model = Self;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Self>, Refused> {
        let call = self.call(operation).ok_or(Refused::Stranger)?;
        let value = if operation.outcome == ForeignOutcome::Ok { &operation.reply } else { &operation.call };
        match &call {
            Call::Put(_, Value::Nil) => Err(Refused::Malformed("nil cannot be put into it".to_owned())),
            Call::Put(_, value) if self.order == Order::Priority && value.as_integer().is_none() => {
                Err(Refused::Malformed(format!("a priority is a whole number, and {value} is none")))
            }
            Call::Put(..) => Ok(Taken::by(operation.outcome, call, None)),
            Call::Peek(_) if operation.outcome != ForeignOutcome::Ok => Ok(Taken::Nothing),
            // Whatever it took, the others do no worse with it still there: nobody ever finds such a queue empty.
            Call::Take(_) if self.order == Order::Any && operation.outcome == ForeignOutcome::Info => {
                Ok(Taken::Nothing)
            }
            Call::Take(_) | Call::Peek(_)
                if operation.outcome == ForeignOutcome::Ok && value.is_nil() && !self.nil_is_empty =>
            {
                Err(Refused::Malformed("it succeeded, and does not say what it found".to_owned()))
            }
            Call::Take(_) | Call::Peek(_) => {
                let found = (!value.is_nil()).then(|| value.clone());
                Ok(Taken::by(operation.outcome, call, found))
            }
        }
    }
}
