/** What a resolved write promises: that it is on the disk, or that it is applied and will be on the disk soon. */
export type Durability = "durable" | "buffered";
