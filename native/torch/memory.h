// How memory that was given back is kept for the next step, which needs the same.
#pragma once

/** Makes tensors on the processor from memory that is kept, from now on: otherwise each large one has pages that are new. */
void keepFreedMemory();

/** Gives back to the system what nothing uses. */
void returnFreedMemory();
