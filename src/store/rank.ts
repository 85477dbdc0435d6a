/** BM25 ranking of a few in-memory documents by SQLite FTS5; user text never reaches FTS5's query syntax. */
import { Database } from "bun:sqlite";

/** Fields in falling weight. */
interface Document {
  readonly id: string;
  readonly fields: readonly string[];
}

/** More distinct words than this are left out of a query: FTS5 bounds the size of its expression tree. */
const maxTerms = 64;

/**
 * The documents that share a word stem with the query, best first; equal scores keep the documents' order.
 * Field i of n weighs 2^(n-1-i). An empty list when the query holds no word or nothing matches. The list of documents
 * must not change between calls: the index of the last one is kept.
 */
export function rank(
  query: string,
  documents: readonly Document[],
): readonly { readonly id: string; readonly score: number }[] {
  const expression = matchExpression(query);
  const width = Math.max(0, ...documents.map((document) => document.fields.length));
  if (expression === undefined || width === 0) return [];
  const weights = Array.from({ length: width }, (_, i) => 2 ** (width - 1 - i));
  const rows = indexOf(documents, width)
    .query<{ position: number; score: number }, [string]>(
      `SELECT rowid AS position, -bm25(document, ${weights.join(", ")}) AS score
         FROM document WHERE document MATCH ? ORDER BY score DESC, rowid`,
    )
    .all(expression);
  return rows.flatMap(({ position, score }) => {
    const document = documents[position];
    return document ? [{ id: document.id, score }] : [];
  });
}

let last: { readonly documents: readonly Document[]; readonly database: Database } | undefined;

function indexOf(documents: readonly Document[], width: number): Database {
  if (last?.documents === documents) return last.database;
  last?.database.close();
  last = undefined;
  const database = new Database(":memory:");
  fill(database, documents, width);
  last = { documents, database };
  return database;
}

function fill(database: Database, documents: readonly Document[], width: number): void {
  const columns = Array.from({ length: width }, (_, i) => `field_${i}`).join(", ");
  database.run(
    `CREATE VIRTUAL TABLE document USING fts5(${columns}, tokenize = 'porter unicode61 remove_diacritics 2')`,
  );
  const slots = Array.from({ length: width + 1 }, () => "?").join(", ");
  const insert = database.prepare(`INSERT INTO document (rowid, ${columns}) VALUES (${slots})`);
  database.transaction(() => {
    for (const [position, { fields }] of documents.entries()) {
      insert.run(position, ...Array.from({ length: width }, (_, i) => fields[i] ?? ""));
    }
  })();
}

/** Letters and digits only, each word a quoted FTS5 string, joined by OR: no operator, column or prefix can be spelled. */
function matchExpression(query: string): string | undefined {
  const words = new Set(query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  if (words.size === 0) return undefined;
  return [...words]
    .slice(0, maxTerms)
    .map((word) => `"${word}"`)
    .join(" OR ");
}
