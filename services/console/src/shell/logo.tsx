export function Logo({ size = 28 }: { readonly size?: number }) {
  return <img src="/console/favicon.svg" width={size} height={size} alt="" />;
}
