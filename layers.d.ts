export const layers: string[];
export const nodeLayers: string[];
