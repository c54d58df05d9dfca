//! Runs a graph: lowers it to a plan of steps over one arena, and executes the plan. Reads no file.
