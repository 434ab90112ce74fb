export function postgresPrograms(): Promise<string | undefined> {
  return Promise.resolve(undefined);
}
export function startPostgres(_port?: number): Promise<any> {
  throw 1;
}
