// How the C library keeps memory that was given back.
#pragma once

/** Keeps it for the next step, which needs the same: otherwise every large tensor is made of pages that are new to the process. */
void keepFreedMemory();

/** Gives back to the system what nothing uses. */
void returnFreedMemory();
