-- A sign code as bits, which can be compared without an extension and indexed with pgvector.
CREATE FUNCTION sign_bits(code BYTEA) RETURNS BIT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CAST('x' || encode(code, 'hex') AS BIT(384))
$$;
