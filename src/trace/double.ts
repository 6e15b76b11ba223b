/**
 * First value of a field that is going to hold fractions or numbers beyond 31 bits; the constructor then sets the real
 * one. The compiler lays the field out for doubles at once, and need not throw compiled code away when the first comes.
 */
export const asDouble = 0.5;
