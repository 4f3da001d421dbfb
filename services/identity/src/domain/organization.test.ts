import type { OrgId } from "@portcullis/policy";
import { expect, test } from "vitest";
import { edited, type Organization, settingsBytesMax } from "./organization.ts";

const organization: Organization = {
  id: "1b4e28ba-2fa1-41d2-883f-0016d3cca427" as OrgId,
  name: "Acme",
  created: new Date(0),
  settings: { api_url: "https://a.example", is_universal_api: true },
};

test("an edit leaves what it does not name", () => {
  expect(edited(organization, { name: null, settings: null })).toEqual(organization);
  expect(edited(organization, { name: "Acme 2", settings: { api_url: null } })).toEqual({
    ...organization,
    name: "Acme 2",
    settings: { api_url: null, is_universal_api: true },
  });
});

test("settings are limited all together", () => {
  const room = settingsBytesMax - JSON.stringify({ ...organization.settings, more: "" }).length;
  const more = (length: number) =>
    edited(organization, { name: null, settings: { more: "x".repeat(length) } });
  expect(more(room).settings).toHaveProperty("more");
  expect(() => more(room + 1)).toThrow(/settings_json: all settings together are larger than/);
});
