import { invalid } from "@portcullis/chassis/fault";
import type { OrgId } from "@portcullis/policy";

/** What an organisation may decide for itself; identity stores these and gives them no meaning. */
export type Settings = Readonly<Record<string, unknown>>;

export interface Organization {
  readonly id: OrgId;
  /** Unique, byte by byte. */
  readonly name: string;
  readonly created: Date;
  readonly settings: Settings;
}

export interface OrganizationEdit {
  readonly name: string | null;
  /** These keys replace those of the same name; the others stay. */
  readonly settings: Settings | null;
}

export const settingsBytesMax = 64 * 1024;

/** The organisation as the edit leaves it. */
export function edited(organization: Organization, edit: OrganizationEdit): Organization {
  const settings = { ...organization.settings, ...edit.settings };
  if (Buffer.byteLength(JSON.stringify(settings)) > settingsBytesMax) {
    throw invalid("settings_json", `all settings together are larger than ${settingsBytesMax} bytes`);
  }
  return { ...organization, name: edit.name ?? organization.name, settings };
}

/** What the event log shows of an organisation. */
export function organizationForTheLog({ name, settings }: Organization): object {
  return { name, settings };
}
