"""Pairing: which original frame each synced frame was made from (the frame map), and where it lies on the original.

1. `scan`: each video is read once. Stored per frame: time, small grey picture, faces; of some frames, colours
   (`colour_samples`). While reading, frames are paired by time (`by_time`). `excerpt` limits this to a window.
2. `mapping_fit`, `mapping_search`: candidate mappings between the two frame sizes are compared on small pictures
   (`small_pictures`); the best is refined by robust least squares, at the end on whole frames. A mapping that does not
   follow from the frame sizes must hold in all of the frame and all of the clip (`mapping_evidence`).
3. `frame_map`: the frame map for a given mapping. Its cost matrix (`costs`; `coarse_costs` for long films) holds
   weighted squared differences of small pictures, plus a small cost for deviating from the time stamps.
4. `viterbi`: the cheapest path through the matrix, by dynamic programming. It may advance, stand, turn or jump.
   `beam_search` finds the same path when the matrix is too large to hold.
5. `path_corrections`: detours, deviations and matches that the pictures do not support are taken back.
6. `joint_search`: steps 2 to 5 in turn from several starts, since mapping and frame map depend on each other.
   Where pictures do not fit, what moves tells the offset (`motion_offset`).
7. `timeline`: offset, drift, and whether the videos are in step; from this, the frames and times of the output.
8. `alignment`: runs all of this; what the rest of the program calls.
"""
