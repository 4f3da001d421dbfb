import { Group } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { ButtonLink } from "./links.tsx";
import type { Sorting } from "./sort.ts";
import { ErrorState, ListSkeleton } from "./states.tsx";

export interface Column<Row> {
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  /** Holds buttons: no label of its own on narrow screens. */
  readonly actions?: true;
  /** Names the row for screen readers. */
  readonly isName?: true;
  readonly width?: string | number;
  /** The word by which the table can be sorted by this column. */
  readonly sort?: string;
}

interface Asked<Data> {
  readonly data: Data | undefined;
  readonly error: unknown;
  refetch(): unknown;
}

interface DataTableProps<Row, Data> {
  /** What the table lists, for screen readers. */
  readonly caption: string;
  readonly query: Asked<Data>;
  readonly rows: (data: Data) => readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly columns: readonly Column<Row>[];
  readonly empty: ReactNode;
  readonly sorting?: Sorting & { onSort(sort: string): void };
}

/** A list as a table, with its loading, its failure and its emptiness. On narrow screens each row is a card. */
export function DataTable<Row, Data>(props: DataTableProps<Row, Data>) {
  const { caption, query, rows, rowKey, columns, empty, sorting } = props;
  if (query.data === undefined && query.error !== null) {
    return <ErrorState error={query.error} reset={() => query.refetch()} />;
  }
  if (query.data === undefined) return <ListSkeleton />;
  // A right that was lost meanwhile shows as such, and not as the list of before.
  if (query.error !== null) return <ErrorState error={query.error} reset={() => query.refetch()} />;
  const shown = rows(query.data);
  if (shown.length === 0) return empty;
  return (
    // Cards are no table any more to browsers, so its roles are named.
    <table className="table" role="table">
      <caption className="visually-hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <th
              key={column.header}
              role="columnheader"
              scope="col"
              style={{ width: column.width }}
              aria-sort={orderOf(column, sorting)}
            >
              <Heading column={column} sorting={sorting} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {shown.map((row) => (
          <tr key={rowKey(row)} role="row">
            {columns.map((column) => (
              <td
                key={column.header}
                role={column.isName === true ? "rowheader" : "cell"}
                className={column.actions === true ? "actions" : undefined}
                data-label={column.actions === true || column.isName === true ? undefined : column.header}
              >
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface HeadingProps {
  readonly column: Pick<Column<never>, "header" | "actions" | "sort">;
  readonly sorting: (Sorting & { onSort(sort: string): void }) | undefined;
}

function Heading({ column, sorting }: HeadingProps) {
  const { header, actions, sort } = column;
  if (actions === true) return <span className="visually-hidden">{header}</span>;
  if (sort === undefined || sorting === undefined) return header;
  const isBy = sorting.by === sort;
  const Icon = isBy && sorting.descending ? IconArrowDown : IconArrowUp;
  return (
    <button
      type="button"
      className="sort"
      onClick={() => sorting.onSort(isBy && !sorting.descending ? `-${sort}` : sort)}
    >
      {header}
      <Icon size={14} aria-hidden opacity={isBy ? 1 : 0} />
    </button>
  );
}

function orderOf(column: HeadingProps["column"], sorting: HeadingProps["sorting"]) {
  if (column.sort === undefined || sorting === undefined || sorting.by !== column.sort) return undefined;
  return sorting.descending ? "descending" : "ascending";
}

interface PagerProps {
  /** The search parameter that names the page, as it is now. */
  readonly current: string | undefined;
  /** Where the next page begins; null while that is not known, and where there is none. */
  readonly next: string | null | undefined;
  readonly name?: "cursor" | "after";
}

/** Pages stand in the URL: back is the browser's. */
export function Pager({ current, next, name = "cursor" }: PagerProps) {
  if (current === undefined && (next === null || next === undefined)) return null;
  const at = (value: string | undefined) => (search: Record<string, unknown>) => ({
    ...search,
    [name]: value,
  });
  return (
    <Group component="nav" aria-label="Pages" justify="flex-end" gap="xs">
      {current !== undefined && (
        <ButtonLink to="." search={at(undefined) as never} variant="default" size="xs">
          First page
        </ButtonLink>
      )}
      {next !== null && next !== undefined && (
        <ButtonLink to="." search={at(next) as never} variant="default" size="xs">
          Next page
        </ButtonLink>
      )}
    </Group>
  );
}
