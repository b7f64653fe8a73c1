"""Amazon Bedrock's Converse, spoken to providers alone."""
