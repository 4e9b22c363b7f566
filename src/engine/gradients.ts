/*
 * tfjs-core alone knows no gradients, and the module that registers them cannot be imported by Node on its own; the
 * union package registers all of them, in the registry that every copy of tfjs-core shares.
 */
import '@tensorflow/tfjs';
