//! Breadth-first search over all worlds that a few moves lead to.

use std::collections::{HashSet, VecDeque};

use super::effects::{FAULTS, Weather};
use super::harness::{Harness, Passed};
use super::moves::Move;
use super::run::Defect;
use super::world::World;

/// What is searched.
pub struct Search {
    /// How the world begins.
    pub start: World,
    /// Moves that are no passes.
    pub moves: Vec<Move>,
    /// Whose passes.
    pub who: Vec<usize>,
    /// Whether effects of a pass may go wrong.
    pub faults: bool,
    /// Number of moves at most.
    pub depth: usize,
    /// The deliberate mistake of the operator.
    pub defect: Defect,
}

/// What the search saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Different worlds.
    pub worlds: usize,
    /// Moves that were tried.
    pub transitions: usize,
    /// Passes until all of them were quiet.
    pub quiet_passes: usize,
    /// What was broken first, and the moves that led there.
    pub violation: Option<(String, Vec<Move>)>,
}

struct Node {
    world: World,
    depth: usize,
    parent: usize,
    by: Option<Move>,
}

impl Search {
    /// Searches until something is broken or nothing is left.
    pub fn run(&self) -> Seen {
        let mut harness = Harness::new(self.defect);
        let mut seen = Seen::default();
        let mut known: HashSet<u64> = [self.start.digest()].into();
        let mut quiet = HashSet::new();
        let mut nodes = vec![Node { world: self.start.clone(), depth: 0, parent: 0, by: None }];
        let mut queue: VecDeque<usize> = [0].into();
        while let Some(index) = queue.pop_front() {
            if let Err(why) = harness.settle(&nodes[index].world, &mut quiet, &mut seen.quiet_passes) {
                seen.violation = Some((why, path(&nodes, index)));
                break;
            }
            if nodes[index].depth == self.depth {
                continue;
            }
            let next = self.successors(&mut harness, &nodes[index].world, &mut seen.transitions);
            let depth = nodes[index].depth + 1;
            for (by, world, violations) in next {
                if let Some(why) = violations.into_iter().next() {
                    let moves = path(&nodes, index).into_iter().chain([by]).collect();
                    seen.violation = Some((why, moves));
                    seen.worlds = known.len();
                    return seen;
                }
                if known.insert(world.digest()) {
                    nodes.push(Node { world, depth, parent: index, by: Some(by) });
                    queue.push_back(nodes.len() - 1);
                }
            }
        }
        seen.worlds = known.len();
        seen
    }

    fn successors(&self, harness: &mut Harness, world: &World, count: &mut usize) -> Vec<(Move, World, Vec<String>)> {
        let mut next = Vec::new();
        for by in &self.moves {
            next.extend(by.apply(world).map(|after| (*by, after, Vec::new())));
        }
        for who in self.who.iter().copied() {
            let mut pass = |weather| {
                let mut after = world.clone();
                let Passed { effects, violations, .. } = harness.pass(&mut after, who, weather)?;
                next.push((Move::Pass(who, weather), after, violations));
                Some(effects)
            };
            let Some(effects) = pass(Weather::Fair) else { continue };
            pass(Weather::StaleCache);
            pass(Weather::Lag);
            if self.faults {
                for (number, fault) in (0..effects).flat_map(|number| FAULTS.map(|fault| (number, fault))) {
                    pass(Weather::Fault(number, fault));
                }
            }
        }
        *count += next.len();
        next
    }
}

fn path(nodes: &[Node], mut index: usize) -> Vec<Move> {
    let mut moves = Vec::new();
    while let Some(by) = nodes[index].by {
        moves.push(by);
        index = nodes[index].parent;
    }
    moves.reverse();
    moves
}
