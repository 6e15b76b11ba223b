/** A stylesheet that is imported for its effect: the build puts it beside what imports it. */
declare module '*.css';
