/** What of the public API's description ours does not keep, and why. */
export const explained: readonly { readonly at: RegExp; readonly why: string }[] = [
  {
    at: /^\w+ \/v1\/(acl|view)(\/batch_update|\/\{view_id\})? (body|query)(\.\w+_acls\[\])?\.object_type: takes string, not null$/,
    why: "the public schema of the word allows null everywhere; where a request must name an object, null names none",
  },
  {
    at: /^GET \/v1\/view query\.view_type: takes string, not null$/,
    why: "a parameter of a query can't be null; left out or empty, it asks for all",
  },
  {
    at: /^\w+ \/v1\/(prompt|function|experiment|project)(\/\{\w+\})? body\.(prompt_data|function_data|repo_info|settings): takes only object( or null)?$/,
    why: "the copy of the public schema that we compare with leaves out what these hold; they are objects there too",
  },
];
