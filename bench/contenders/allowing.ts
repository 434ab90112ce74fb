/** The policy that costs the least. */
export default (): "allow" => "allow";
